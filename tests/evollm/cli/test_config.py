"""Configurations: whole from parts, and the same after a way through TOML."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.cli.commands import commands
from evollm.cli.config import PARTS, complete, read, written
from evollm.cli.options import options_of
from evollm.errors import EvollmError
from evollm.paths import save
from tests.support_each import each


@dataclass(frozen=True)
class Options:
    name: str = "a"
    factor: float | None = None
    exact: bool = False


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(TEXTS, st.none() | st.floats(allow_nan=False), st.booleans(), st.integers(0, 10**12))
def test_toml_and_back(
    tmp_path_factory: Any, name: str, factor: float | None, exact: bool, n: int
) -> None:
    said = {
        "options": {"name": name, "factor": factor, "exact": exact},
        "limits": {"evaluations": n, "cost": float(n)},
        "model": {"price": "1,2"},
    }
    config = complete("mine", Options, said)
    file = tmp_path_factory.mktemp("toml") / "run.toml"
    file.write_text(written(config), encoding="utf-8")
    found = read(file)
    assert found.pop("problem") == "mine"
    assert complete("mine", Options, found) == config


@each(
    ("said", "sentence"),
    [
        ({"option": {}}, "there is no part 'option'; did you mean 'options'?"),
        ({"options": {"nam": "x"}}, r"no key of \[options\] 'nam'; did you mean 'name'?"),
        ({"limits": {"evaluation": 3}}, "did you mean 'evaluations'?"),
        ({"limits": {"evaluations": "many"}}, "can't be 'many': it must be int"),
        ({"run": {"executor": "gpu"}}, "can't be 'gpu': it must be serial, threads"),
        ({"run": {"seed": -1}}, "--seed must be 0 or more"),
    ],
)
def test_what_is_unknown_or_wrong_is_refused(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(EvollmError, match=sentence):
        complete("mine", Options, said)


@each(
    ("text", "sentence"),
    [
        ("problem = ", "is not a TOML file"),
        ("[options]\nname = 'x'\n", "does not name a problem"),
        ("problem = 'mine'\nevaluations = 3\n", "'evaluations' is outside any section"),
    ],
)
def test_other_files_are_refused(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    with pytest.raises(EvollmError, match="can't read the configuration"):
        read(file)
    file.write_text(text)
    with pytest.raises(EvollmError, match=sentence):
        read(file)


@dataclass(frozen=True)
class Deep:
    depth: int | None = 3


def test_none_in_place_of_another_default_is_kept(tmp_path: Path) -> None:
    config = complete("mine", Deep, {"options": {"depth": None}})
    save(written(config, Deep), tmp_path / "run.toml", "configuration")
    found = read(tmp_path / "run.toml")
    assert found["options"] == {"depth": "none"}
    assert complete(found.pop("problem"), Deep, found) == config


REGISTERED = {name: found.options for name, found in commands().items()}


@each("problem", list(REGISTERED))
def test_unknown_keys_are_refused_however_deep(problem: str) -> None:
    kinds = {"options": REGISTERED[problem], **PARTS}
    for part, kind in kinds.items():
        paths = [leaf.path for leaves in options_of(kind).values() for leaf in leaves]
        for path in {paths[0], *(path for path in paths if "." in path)}:
            *outer, name = path.split(".")
            given: dict[str, Any] = {f"{name}x": 1}
            for key in reversed(outer):
                given = {key: given}
            with pytest.raises(EvollmError, match=rf"no key of \[{part}\] '{path}x'; did you mean"):
                complete(problem, REGISTERED[problem], {part: given})
        with pytest.raises(EvollmError, match=rf"no key of \[{part}\] 'nonsense'"):
            complete(problem, REGISTERED[problem], {part: {"nonsense": {}}})
