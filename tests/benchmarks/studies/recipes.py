"""What matters in a training for numbers: ``python -m tests.benchmarks.studies.recipes``.

Question: which of the amount of data, the rank of the adapter, the rows of a prompt and the teacher
make a taught model better? Recipes differ from the base in one thing; each is trained on as many
examples, unless that is what differs. A cell is all 24 BBOB functions in one dimension, 100
evaluations each, with one instance each. ``--train`` trains what is missing first, on two free
cores in some four minutes for each recipe.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evollm.errors import EvollmError
from evollm.report.cells import Cell, Found, Row
from evollm.report.study import Axis, Study
from evollm.report.tables import RUNS, Column, markdown, spread
from evollm.tuning.examples import Mixture, Teacher
from evollm.tuning.settings import TrainSettings
from problems.blackbox import demo
from problems.blackbox.bbob import NAMES
from problems.blackbox.prior.teacher import PriorTeacher
from problems.blackbox.prior.trajectories import TrajectoryTeacher
from tests.benchmarks.studies import RESULTS, adapters

BASE, UNTAUGHT = "base", "untaught"
PRIOR = PriorTeacher(rows=(10,), columns=(1, 2, 2))
TRAJECTORIES = TrajectoryTeacher(rows=(10,), columns=(1, 2, 2))
SETTINGS = TrainSettings(
    minutes=0.0,
    steps=16,
    rate=0.0015,
    batch=128,
    warmup=4,
    precision="bfloat16",
    validate=256,
    every=60.0,
    workers=1,
)
"""The base: 1,676 examples, an eightieth of what the adapter of the package was shown."""


@dataclass(frozen=True)
class Recipe:
    """How a model is taught, and asked.

    Attributes:
        title: In the table.
        teacher: What makes the examples.
        settings: Of the training.
        rows: Rows of a prompt in a search.
    """

    title: str
    teacher: Teacher = PRIOR
    settings: TrainSettings = SETTINGS
    rows: int = 10


RECIPES: Mapping[str, Recipe] = {
    BASE: Recipe("base: rank 8, 10 rows, 1 or 2 coordinates, the prior"),
    "quarter": Recipe("a quarter of the examples", settings=replace(SETTINGS, steps=6)),
    "thrice": Recipe("three times the examples", settings=replace(SETTINGS, steps=42)),
    "rank2": Recipe("rank 2", settings=replace(SETTINGS, rank=2)),
    "rank32": Recipe("rank 32", settings=replace(SETTINGS, rank=32)),
    "rows5": Recipe("5 rows", replace(PRIOR, rows=(5,)), rows=5),
    "rows20": Recipe("20 rows", replace(PRIOR, rows=(20,)), rows=20),
    "wide": Recipe("1 to 5 coordinates", replace(PRIOR, columns=(1, 2, 3, 4, 5))),
    "trajectories": Recipe("other optimisers' trajectories", TRAJECTORIES),
    "both": Recipe("prior and trajectories", Mixture((PRIOR, TRAJECTORIES))),
}


def train_missing(folder: Path, names: Sequence[str], device: str | None) -> None:
    """Train what has no adapter in a folder of recipes."""
    from problems.blackbox.taught.tune import Options
    from problems.lm.tuning import tuned

    for name in names:
        if name != UNTAUGHT and not (folder / name / "adapter.gguf").exists():
            recipe = RECIPES[name]
            options = Options(device=device)
            tuned(recipe.teacher, options, recipe.settings, folder / name, partial(print, name))


def measure(cell: Cell, said: Namespace) -> Found:
    """Run all functions, each in a thread, so that their answers are computed together."""
    name = cell["recipe"]
    folder = None if name == UNTAUGHT else said.adapters / name
    connect = partial(adapters.connected, folder, said.device, said.dtype)
    rows = RECIPES[name if name in RECIPES else BASE].rows

    def last(function: str) -> float:
        one = {"method": "framed", "function": function, "evaluations": 100}
        asked = {**one, "dimension": cell["dimension"], "seed": cell["seed"]}
        settings = {"memory": rows, "warmup": max(10, rows), "constrain": said.device is None}
        return float(demo.measure(asked, connect, settings=settings)["gaps"][-1])

    with ThreadPoolExecutor(len(NAMES)) as pool:
        gaps = list(pool.map(last, NAMES))
    return {"gaps": [float(f"{gap:.4g}") for gap in gaps], **_training(folder)}


def _training(folder: Path | None) -> dict[str, Any]:
    """Return what the record of a training says."""
    if folder is None:
        return {"examples": 0}
    if not (folder / "record.json").is_file():
        raise EvollmError(f"there is no adapter in {folder}: make it with --train")
    record = json.loads((folder / "record.json").read_text("utf-8"))
    known = {name: record[name] for name in ("examples", "tokens", "seconds")}
    return {**known, "loss": round(record["losses"][-1][3], 4)}


def typical(row: Row) -> float:
    """Return the geometric mean of a cell's gaps."""
    return float(np.exp(_logs(row).mean()))


def _logs(row: Row) -> Any:
    return np.log(np.array(row.found["gaps"]) + 1e-8)


def summary(rows: Sequence[Row]) -> str:
    """Compare each recipe with the base, function by function."""
    lines = []
    for dimension in sorted({row.cell["dimension"] for row in rows}):
        for name in RECIPES.keys() | {UNTAUGHT}:
            found = [_against(rows, row) for row in rows if _is(row, dimension, name)]
            known = np.concatenate([one for one in found if one is not None] or [np.empty(0)])
            if name != BASE and known.size:
                ratio = np.exp(np.clip(known, np.log(1e-3), np.log(1e3)).mean())
                wins = float((np.sign(-known) + 1).mean() / 2)
                lines.append([f"{dimension}-d", TITLES[name], f"{ratio:.3f}", f"{wins:.0%}"])
    lines.sort(key=lambda line: (line[0], float(line[2])))
    head = ["dimension", "recipe", "ratio to the base by run", "wins"]
    return f"{markdown(head, lines, left=2)}" if lines else ""


def _is(row: Row, dimension: int, name: str) -> bool:
    return bool(row.cell["dimension"] == dimension and row.cell["recipe"] == name)


def _against(rows: Sequence[Row], row: Row) -> Any:
    """Return the logarithms of a cell's gaps over those of the base."""
    for other in rows:
        if dict(other.cell) == {**row.cell, "recipe": BASE}:
            return _logs(row) - _logs(other)
    return None


TITLES = {UNTAUGHT: "untaught", **{name: recipe.title for name, recipe in RECIPES.items()}}
STUDY = Study(
    "recipes",
    {
        "dimension": Axis((2,), extra=(5,), titles={2: "2-d", 5: "5-d"}),
        "recipe": Axis((UNTAUGHT, *RECIPES), quick=(UNTAUGHT, BASE), titles=TITLES),
        "seed": Axis(range(3), quick=range(1)),
    },
    measure=lambda cell: {},
    columns=(
        Column("gap, geometric mean", typical),
        Column("sd", typical, spread),
        RUNS,
        Column("examples", "examples", form=",.0f"),
        Column("validation loss", lambda row: row.found.get("loss"), form=".4f"),
    ),
    folder=RESULTS,
    compared="recipe",
    summary=summary,
    about=__doc__,
)


def main() -> int:
    """Run the study."""
    parser = STUDY.parser()
    adapters.add(parser, folder=False)
    text = "folder with an adapter for each recipe (%(default)s)"
    parser.add_argument("--adapters", type=Path, default=Path("recipes"), help=text)
    parser.add_argument("--train", action="store_true", help="train the missing ones first")
    said = parser.parse_args()
    if said.train:
        train_missing(said.adapters, said.recipe or list(RECIPES), said.device)
    run: Callable[[Cell], Found] = partial(measure, said=said)
    return replace(STUDY, measure=run).go(said)


if __name__ == "__main__":
    sys.exit(main())
