"""The figures of the taught model: ratios of medians, the better of two, and wins with ties."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from evollm.errors import EvollmError
from evollm.report.cells import Row
from tests.benchmarks.studies import opponents
from tests.benchmarks.studies.opponents import minimized
from tests.benchmarks.studies.tuned import METHODS, QUICK, closing, measure, summary


def rows(**gaps: dict[str, list[float]]) -> list[Row]:
    """Return rows with last gaps by function, method and seed."""
    return [
        Row(
            {"dimension": 2, "function": name, "method": method, "seed": seed, "evaluations": 100},
            {"gaps": [9.0] * 9 + [gap], "seconds": 36.0},
        )
        for name, own in gaps.items()
        for method, values in own.items()
        for seed, gap in enumerate(values)
    ]


def test_figures_are_geometric_means_of_ratios_of_medians_and_shares_of_wins() -> None:
    found = closing(
        rows(
            sphere={"taught": [1, 2, 3], "cma": [4, 4, 4], "cma1": [8, 8, 8], "hill": [1, 1, 9]},
            katsuura={"taught": [8, 8, 8], "cma": [4, 1, 9], "cma1": [2, 2, 2], "hill": [8, 9, 1]},
        )
    )
    assert found["ratio_to_cma_geomean"] == pytest.approx((2 / 4 * 8 / 2) ** 0.5, abs=1e-3)
    assert found["ratio_to_best_geomean"] is None
    assert found["win_share_cma"] == 0.5
    assert found["win_share_hill"] == pytest.approx((0.5 + 0 + 1 + 0.5 + 1 + 0) / 6, abs=1e-3)
    assert found["win_share_gp"] is None
    assert found["seconds_per_step"] == 2.0


def test_only_instances_that_all_have_count() -> None:
    found = closing(rows(sphere={"taught": [1, 9, 9], "cma": [2], "cma1": [4], "hill": []}))
    assert found["ratio_to_cma_geomean"] == 0.5
    assert found["win_share_cma"] == 1.0
    assert found["win_share_hill"] is None
    assert closing(rows(sphere={"taught": [1], "cma": [2]}))["win_share_cma"] is None


def test_a_ratio_is_clipped() -> None:
    found = closing(rows(sphere={"taught": [0.0], "cma": [1e9], "cma1": [1e9]}))
    assert found["ratio_to_cma_geomean"] == 0.001


def test_the_table_sets_families_of_the_training_apart() -> None:
    text = summary(
        rows(sphere={"taught": [1.0], "tpe": [2.0]}, katsuura={"taught": [3.0], "tpe": [2.0]})
    )
    lines = {line.split("|")[2].strip(): line for line in text.splitlines() if "TPE" in line}
    assert "100%" in lines["quadratic, as in training"]
    assert " 0% " in lines["others"]
    assert " 50% " in lines["all"]


def test_all_methods_are_there_and_quick_takes_half_of_the_functions() -> None:
    assert {"taught", "framed", "paper", "recombination", "hill", "random"} < set(METHODS)
    assert len(set(QUICK)) == 12


def test_an_opponent_is_asked_for_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import json, sys\n"
        "given = json.loads(input())\n"
        "for step in range(given['budget']):\n"
        "    print(json.dumps([step + given['seed']] * given['dimension']), flush=True)\n"
        "    json.loads(input())\n"
    )
    monkeypatch.setattr(opponents, "PROGRAM", program)
    monkeypatch.setattr(opponents, "environment", lambda: Path(sys.executable))
    assert minimized("tpe", sum, 2, (-5.0, 5.0), 4, 10) == [20, 22, 24, 26]
    program.write_text("print('[1]', flush=True); input(); input()\n")
    with pytest.raises(EvollmError, match=r"TPE \(Optuna\) ended after 1 of 2 points"):
        minimized("tpe", sum, 1, (-5.0, 5.0), 2, 0)
    program.write_text("raise SystemExit(1)\n")
    with pytest.raises(EvollmError, match="ended after 0 of 2 points"):
        minimized("tpe", sum, 1, (-5.0, 5.0), 2, 0)


def test_a_cell_of_the_other_study_is_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = {"method": "hill", "dimension": 2, "function": "sphere", "seed": 0, "evaluations": 100}
    monkeypatch.setattr("problems.blackbox.demo.measure", lambda *_: 1 / 0)
    found: Any = measure(cell)
    assert len(found["gaps"]) == 10
    json.dumps(found)
