"""A front of bytes against divergence."""

import json
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, EvollmError
from evollm.testing import SystemKit
from problems.compression.front import EvoFront
from tests.problems.compression.support_search import KINDS, SMALL, Made
from tests.support_each import checks, each


def system(tiny: Made, kind: str) -> EvoFront:
    """A short search for a front."""
    folder = str(tiny.folder / kind)
    given: Any = {"schedule": SMALL, "check": False, "text": tiny.text, "database": folder}
    return EvoFront(tiny.model, KINDS[kind], **given)


@each("check", checks(SystemKit))
def test_conformance(check: Any, tiny: Made, tmp_path: Path) -> None:
    check((lambda: system(tiny, "depth"), 24), tmp_path)


@each("kind", ["depth", "sparsity", "quantization"])
def test_no_member_is_beaten_by_another_one(kind: str, tiny: Made, tmp_path: Path) -> None:
    found = system(tiny, kind)
    result = found.run(Budget(generations=3), seed=1)
    members = found.front(result)
    points = [(one.metrics["bytes"], -one.fitness) for one in members]
    assert len(points) > 2
    assert points == sorted(points)
    assert [kl for _, kl in points] == sorted((kl for _, kl in points), reverse=True)
    assert {one.id for one in result.finals} == {one.id for one in members}
    files = found.export(result, tmp_path)
    held = json.loads(files[0].read_text())
    assert [one["bytes"] for one in held] == [size for size, _ in points]
    assert all(one["held_out"]["kl"] > -1e-5 for one in held)
    assert "held out" in found.report(result).text()


def test_there_is_no_front_of_units_with_owners(tiny: Made) -> None:
    with pytest.raises(EvollmError, match="there is no front of kind joint: choose depth, spars"):
        system(tiny, "joint").run()
