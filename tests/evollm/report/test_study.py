"""A study fills in its cells, keeps them, and reports from what is kept."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, EvollmError, run
from evollm.algorithms import generational
from evollm.report.cells import Cell, Found
from evollm.report.curves import best_so_far
from evollm.report.study import Axis, Curve, Study
from evollm.report.tables import RUNS, Column, spread
from operators.masks import FlipBits, RandomMasks


def one_max(genome: Any) -> float:
    return float(sum(genome))


def measure(cell: Cell) -> Found:
    """Run a search for bits: of a whole generation, or of single steps."""
    size = {"many": 10, "few": 2}[cell["method"]]
    flow = generational(RandomMasks(cell["bits"]), FlipBits(), size=size, seed=cell["seed"])
    found = run(flow, one_max, budget=Budget(evaluations=cell["evaluations"]))
    return {"best": found.fitness, "curve": best_so_far(found.record).tolist()}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(
        "bits",
        {
            "bits": Axis((8, 16), quick=(8,)),
            "method": Axis(("few", "many"), extra=("slow",), titles={"many": "generations"}),
            "seed": Axis(range(2), quick=range(1)),
            "evaluations": Axis((30,)),
        },
        measure,
        [Column("best", "best", form=".1f"), Column("sd", "best", spread, ".1f"), RUNS],
        folder=tmp_path,
        curve=Curve("curve", "bits set"),
        closing=lambda rows: {"largest": max(row.found["best"] for row in rows)},
    )


@pytest.fixture
def closing(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Runs a command of a study, and returns its last line."""

    def last(study: Study, *arguments: str) -> dict[str, Any]:
        assert study.main(arguments) == 0
        return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))

    return last


def counted(study: Study, done: list[Cell]) -> Study:
    return replace(study, measure=lambda cell: done.append(cell) or study.measure(cell))


def test_all_cells_are_run_kept_and_reported(
    study: Study, closing: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    found = closing(study)
    assert found["cells"] == found["of"] == 8
    assert 8 <= found["largest"] <= 16
    assert {file.name for file in tmp_path.iterdir()} == {"bits", "bits.txt", "bits.png"}
    kept = [json.loads(line) for line in (tmp_path / "bits/few.jsonl").read_text().splitlines()]
    assert [row["cell"]["seed"] for row in kept] == [0, 0, 1, 1]  # one seed after the other
    text = (tmp_path / "bits.txt").read_text()
    assert text.startswith("evaluations 30\n\n| bits | method ")
    assert [line.split("|")[2].strip() for line in text.splitlines()[4:]] == [
        "few",
        "generations",
        "few",
        "generations",
    ]


def test_no_cell_is_run_twice_and_a_report_runs_none(
    study: Study, closing: Callable[..., dict[str, Any]]
) -> None:
    done: list[Cell] = []
    own = counted(study, done)
    assert closing(own, "--quick")["cells"] == len(done) == 2
    report = closing(own, "--report")
    assert (report["cells"], report["of"], len(done)) == (2, 8, 2)
    assert closing(own, "--jobs", "3")["cells"] == len(done) == 8
    assert closing(own) == closing(own, "--report")
    assert len(done) == 8


def test_a_higher_version_is_run_again_and_the_old_cells_stay(
    study: Study, closing: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    closing(study)
    done: list[Cell] = []
    methods = replace(study.axes["method"], versions={"many": 2})
    changed = counted(replace(study, axes={**study.axes, "method": methods}), done)
    assert closing(changed, "--report")["cells"] == 4
    assert closing(changed)["cells"] == 8
    assert [cell["method"] for cell in done] == ["many"] * 4
    assert len((tmp_path / "bits/many.jsonl").read_text().splitlines()) == 8
    assert closing(study, "--report")["cells"] == 8


def test_a_version_of_either_axis_makes_a_new_cell(study: Study) -> None:
    bits, methods = study.axes["bits"], study.axes["method"]
    seen = set()
    for own in (1, 2, 3):
        axes = {"bits": replace(bits, versions={8: own}), "method": methods}
        seen.add(replace(study, axes={**study.axes, **axes}).version({**CELL, "bits": 8}))
    axes["method"] = replace(methods, versions={"few": 2})
    seen.add(replace(study, axes={**study.axes, **axes}).version({**CELL, "bits": 8}))
    assert seen == {1, 2, 3, 4}


CELL = {"method": "few", "seed": 0, "evaluations": 30}


def test_a_part_is_printed_and_does_not_replace_the_kept_table(
    study: Study, closing: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    closing(study)
    before = (tmp_path / "bits.txt").read_text()
    for part in (["--quick"], ["--seeds", "1"], ["--method", "few", "few"]):
        assert closing(study, *part)["cells"] < 8
    assert (tmp_path / "bits.txt").read_text() == before
    elsewhere = tmp_path / "elsewhere"
    closing(study, "--quick", "--path", str(elsewhere))
    assert {file.name for file in elsewhere.iterdir()} == {"bits", "bits.txt", "bits.png"}


def test_an_option_chooses_values_and_a_rule_leaves_cells_out(study: Study) -> None:
    said = study.parser().parse_args(["--bits", "16", "--method", "slow", "--seeds", "5"])
    assert (said.bits, said.method, said.seed) == ([16], ["slow"], 5)
    assert "--jobs" in study.parser().format_help()
    assert "--jobs" not in replace(study, jobs=None).parser().format_help()
    only = replace(study, applies=lambda cell: cell["method"] == "few" or cell["bits"] == 8)
    assert len(list(only.cells())) == 6
    with pytest.raises(SystemExit):
        study.parser().parse_args(["--method", "unknown"])


def test_an_interrupted_study_goes_on_with_the_same_command(
    study: Study, closing: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    def cut(cell: Cell) -> Found:
        if cell["method"] == "many":
            raise KeyboardInterrupt
        return study.measure(cell)

    assert replace(study, measure=cut).main([]) == 130
    assert "continue with: --path" in capsys.readouterr().err
    done: list[Cell] = []
    assert closing(counted(study, done))["cells"] == 8
    assert len(done) == 7


def test_a_mistake_is_one_sentence(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(cell: Cell) -> Found:
        raise EvollmError("the model is asleep: wake it")

    for jobs in ("1", "2"):
        assert replace(study, measure=refused).main(["--jobs", jobs]) == 1
        assert "evollm: the model is asleep: wake it\n" in capsys.readouterr().err
    for option in ("--jobs", "--seeds"):
        assert study.main([option, "0"]) == 1
        assert "must be a whole number, 1 or more" in capsys.readouterr().err
    with pytest.raises(EvollmError, match="add 'seed'"):
        replace(study, axes={"method": study.axes["method"]})


def test_without_matplotlib_the_table_is_there(
    study: Study,
    closing: Callable[..., dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert closing(study)["cells"] == 8
    assert {file.name for file in tmp_path.iterdir()} == {"bits", "bits.txt"}
