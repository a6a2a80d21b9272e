"""What RESULTS.md says of the studies is what they print from the kept cells."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evollm.report.study import Study
from problems.blackbox import demo
from tests.benchmarks.studies import (
    RESULTS,
    bbob,
    compression,
    expressions,
    gguf,
    llego,
    monotone,
    packing,
    recipes,
    texts,
    transfer,
)
from tests.support_each import each

KEPT: dict[str, Any] = {
    "demo": (demo.STUDY, (72, 72), [0], set()),
    "bbob": (bbob.STUDY, (720, 720), [1], {"better_than_random"}),
    "compression": (compression.STUDY, (59, 59), [0], set(compression.SETTINGS)),
    "gguf": (gguf.STUDY, (18, 18), [0], {"uniform", "random", "search"}),
    "packing": (packing.STUDY, (18, 18), [0], set()),
    "texts": (texts.STUDY, (36, 36), [0], set()),
    "recipes": (recipes.STUDY, (33, 33), [0, 1], set()),
    "transfer": (transfer.STUDY, (84, 84), [0], set()),
    "monotone": (monotone.STUDY, (3, 3), [0], set()),
    "expressions": (expressions.STUDY, (224, 224), [0, 1, 2], {"solved"}),
    "llego": (
        llego.STUDY,
        (606, 606),
        [1, 2],
        set(llego.METHODS) - {"rewriting"},
    ),
}


def reported(study: Study, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a study prints from a copy of its kept cells."""
    shutil.copytree(RESULTS / study.name, folder / study.name)
    assert study.main(["--report", "--path", str(folder)]) == 0
    return capsys.readouterr().out


@each("name", KEPT)
def test_tables_are_those_of_the_kept_cells(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, cells, places, keys = KEPT[name]
    text = reported(study, tmp_path, capsys)
    last = json.loads(text.splitlines()[-1])
    assert (last["cells"], last["of"]) == cells
    assert set(last) == {"cells", "of"} | keys
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    page = (RESULTS.parent / "RESULTS.md").read_text()
    for place in places:
        assert tables[place] in page, "RESULTS.md is old: paste the table that --report prints"
    assert (tmp_path / f"{name}.txt").read_text() == (RESULTS / f"{name}.txt").read_text()


@each(
    ("study", "options", "unsteady"),
    [
        (demo.STUDY, ["--function", "sphere", "--dimension", "2", "--method", "random", "hill"], 0),
        (bbob.STUDY, ["--quick", "--method", "random", "hill"], 1e-3),
        (llego.STUDY, ["--data", "heart", "--depth", "3", "--method", "cart", "classical"], 0),
    ],
    ids=["demo", "bbob", "llego"],
)
def test_a_cell_that_is_run_anew_comes_to_what_is_kept(
    study: Study, options: list[str], unsteady: float, tmp_path: Path
) -> None:
    assert study.main([*options, "--seeds", "1", "--path", str(tmp_path)]) == 0
    found = _cells(tmp_path / study.name)
    kept = _cells(RESULTS / study.name)
    assert len(found) >= 2
    for cell, values in found.items():
        assert values == pytest.approx(kept[cell], rel=unsteady or 1e-9), cell


def _cells(folder: Path) -> dict[str, Any]:
    """Return the last values and counts of the cells in a folder, all that a clock did not give."""
    found = {}
    for file in folder.glob("*.jsonl"):
        for row in map(json.loads, file.read_text().splitlines()):
            numbers = {k: v for k, v in row["found"].items() if isinstance(v, int | float)}
            numbers |= {k: v[-1] for k, v in row["found"].items() if isinstance(v, list)}
            numbers.pop("seconds")
            found[json.dumps(row["cell"], sort_keys=True)] = numbers
    return found


def test_everywhere_the_model_is_asked_on_all_splits() -> None:
    asking = {name for name, method in llego.METHODS.items() if method.asks}
    own = [cell for cell in llego.STUDY.cells() if cell["method"] in asking]
    everywhere = replace(llego.STUDY, applies=llego.exists).cells()
    assert len(own) == 4 * 3 * 3
    assert sum(cell["method"] in asking for cell in everywhere) == 4 * 13 * 2 * 5
