"""The reports of real runs."""

from pathlib import Path

import numpy as np
import pytest

from evollm import Budget, EvollmError, Result
from evollm.llm.scripted import Scripted
from evollm.report.text import ancestry, summary
from problems.blackbox import EvoLLM

SCRIPT = {0: "40,60", 1: "oh dear", 2: "10,20"}


@pytest.fixture
def result(tmp_path: Path) -> Result[object]:
    """A run in which an answer in three is unusable, and a corner of the box fails."""
    model = Scripted(lambda prompt, sample, options: SCRIPT[sample % 3])

    def function(x: np.ndarray) -> float:
        if x[0] > 3:
            raise ValueError("too far")
        return float((x**2).sum())

    system = EvoLLM(function, [(-5, 5)] * 2, model=model)
    return system.run(Budget(evaluations=40), seed=1, path=tmp_path)


def test_the_summary_says_what_was_spent_and_rejected(result: Result[object]) -> None:
    text = summary(result.record)
    usage = result.usage
    assert f"40 evaluations ({usage.failed} failed)" in text
    assert usage.failed > 0
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert any(row.startswith(f"failed {usage.failed} ValueError: too far") for row in rows)
    assert f"{usage.calls} calls (0 cached" in text
    assert "rejected 12 unreadable answer" in rows
    assert "the budget of 40 evaluations is spent" in text
    assert f"best  {-result.fitness:.6g} (value) at [" in text
    assert "strategy Framed" in rows


def test_a_candidates_ancestors_and_calls_are_shown(result: Result[object]) -> None:
    assert result.best
    born = [one for one in result.population if one.operator == "FramedSamples"]
    text = ancestry(result.record, born[0].id, depth=1)
    first, *rest = text.splitlines()
    assert first.startswith(f"{born[0].id}: value {-born[0].fitness:.6g}, step")
    parents = [
        int(line.split(":")[0]) for line in rest if line.startswith("  ") and ": value" in line
    ]
    assert sorted(parents) == sorted(born[0].parents)
    assert text.count("\nasked\n") == 1
    assert text.endswith(("answered\n  10,20", "answered\n  40,60"))


def test_a_lineage_names_each_ancestor_once_to_a_depth(result: Result[object]) -> None:
    last = max(one.id for one in result.population)
    whole = [line for line in ancestry(result.record, last, 30).splitlines() if ": value" in line]
    numbers = [int(line.split(":")[0]) for line in whole]
    assert len(numbers) == len(set(numbers))
    assert "more before them: see --depth" not in "".join(whole)
    assert "more before them: see --depth" in ancestry(result.record, last, 0)
    with pytest.raises(EvollmError, match="--depth must be 0 or more"):
        ancestry(result.record, last, -1)


def test_an_unknown_candidate_is_one_sentence(result: Result[object]) -> None:
    with pytest.raises(EvollmError, match="no candidate 999"):
        ancestry(result.record, 999)
