"""Online bin packing, a priority evolved: ``python -m tests.benchmarks.studies.packing``.

Question: do changes of expressions under selection, without a model or by the offline model under a
grammar, find a priority that packs better than first fit and best fit on instances that the search
did not see, and than random edits at equal evaluations? So that it can be seen what the model adds
to the grammar, the same expressions are also drawn from the grammar at random. The instances follow
the published rule of OR-Library's uniform family: bins of 150, items uniform over the whole numbers
from 20 to 100. The search sees ten instances each of 120 and 250 items and six of 500; twenty
others of each size are held out. The initial program is best fit with one more term: a small
penalty for some amounts of room that would be left, whose bounds and weight are guesses. Programs
run under the limits of ``problems.programs``.
"""

import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.random import Generator

from evollm import Budget
from evollm.llm.base import Completion, Prompt, Sampling
from evollm.report.cells import Cell, Found, Row
from evollm.report.study import Axis, Curve, Study
from evollm.report.tables import RUNS, Column, spread
from evollm.store import rows
from problems.programs import Limits, Programs, ProgramsSettings
from problems.programs.sandbox.verdict import judged
from tests.benchmarks.studies import RESULTS

TASK = Path(__file__).with_name("packing_task")
OPERATIONS = ("+", "-", "*", "/", "<", "<=", ">", ">=")
SIZES = (120, 250, 500, 1000)
LIMITS = Limits(seconds=30, memory_mb=512)
FIXED = {"first": "first fit", "best": "best fit", "program": "initial program"}
TITLES = {
    **FIXED,
    "random": "random edits",
    "islands": "islands",
    "map_elites": "MAP-Elites",
    "drawn": "islands, drawn from the grammar",
    "model": "islands, offline model",
}
SETTINGS = {
    "random": ProgramsSettings(method="random"),
    "islands": ProgramsSettings(method="mutation", search="islands"),
    "map_elites": ProgramsSettings(method="mutation"),
    "drawn": ProgramsSettings(method="expressions", search="islands"),
    "model": ProgramsSettings(method="expressions", search="islands"),
}


class Drawn:
    """Takes the place of a model: draws expressions from the grammar, each choice as likely."""

    name = "drawn"

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling = Sampling(), n: int = 1
    ) -> list[list[Completion]]:
        """Return an expression for each prompt; see ``evollm.llm.base.LanguageModel``."""
        rng, grammar = np.random.default_rng(sampling.seed), sampling.grammar or ""
        names = grammar.rpartition("name ::= ")[2].strip().replace('"', "").split(" | ")
        return [[Completion(_drawn(names, rng)) for _ in range(n)] for _ in prompts]


def _drawn(names: Sequence[str], rng: Generator) -> str:
    """Return an expression of the grammar of ``operators.programs.holding``."""

    def atom() -> str:
        if rng.random() < 0.5:
            return str(rng.choice(names))
        whole = str(rng.integers(10 ** rng.integers(1, 4)))
        return whole + ("" if rng.random() < 0.5 else f".{rng.integers(10 ** rng.integers(1, 3))}")

    def side() -> str:
        a, b, op = atom(), atom(), rng.choice(OPERATIONS)
        two = str(rng.choice(["min", "max"]))
        forms = [a, f"({a} {op} {b})", f"-{a}", f"abs({a})", f"{two}({a}, {b})"]
        return str(rng.choice(forms))

    text = side()
    for _ in range(int(rng.integers(3))):
        text += f" {rng.choice(OPERATIONS)} {side()}"
    return text


def measure(cell: Cell) -> Found:
    """Run one cell."""
    began = time.perf_counter()
    name = cell["method"]
    if name in FIXED:
        return _percents(_held_out((TASK / "initial_program.py").read_text()), name)
    asked = Drawn() if name == "drawn" else None
    system = Programs.of(TASK, model=asked, limits=LIMITS, settings=SETTINGS[name])
    result = system.run(Budget(evaluations=cell["evaluations"]), seed=cell["seed"])
    scores = [one.fitness for one in rows.evaluations(result.record)]
    chosen = system.choose(result)
    return {
        **_percents(_held_out(system.source(chosen)), "program"),
        "training": -chosen.fitness,
        "failed": int(np.isneginf(scores).sum()),
        "curve": [-float(best) for best in np.maximum.accumulate(scores)],
        "block": chosen.genome,
        "seconds": round(time.perf_counter() - began, 1),
    }


@cache
def _held_out(source: str) -> dict[str, float]:
    verdict = judged(source, "program.py", TASK / "held_out.py", Limits(seconds=300))
    assert verdict.error is None, verdict.error
    return dict(verdict.numbers)


def _percents(found: dict[str, float], way: str) -> dict[str, float]:
    return {f"u{size}": found[f"{way}_{size}"] for size in SIZES}


def summary(rows: Sequence[Row]) -> str:
    """Say what the columns are, and show the best program of the searches by training instances."""
    said = [
        "Bins beyond the lower bound (all sizes over 150, rounded up) in percent of it, on 20 "
        "held-out instances of each number of items; training: on those of the search. The fixed "
        "rules do not depend on the seed."
    ]
    searched = [row for row in rows if "block" in row.found]
    if searched:
        best = min(searched, key=lambda row: (row.found["training"], row.found["block"]))
        name, seed = TITLES[best.cell["method"]], best.cell["seed"]
        said.append(f"The best program by its training instances ({name}, seed {seed}):")
        said.append(str(best.found["block"]).rstrip())
    return "\n\n".join(said)


COLUMNS = (
    *(Column(f"{size} items", f"u{size}", form=".2f") for size in SIZES),
    Column("sd 1000", "u1000", spread, ".2f"),
    Column("training", "training", form=".2f"),
    RUNS,
    Column("failed", "failed", form=".0f"),
    Column("seconds", "seconds", form=".0f"),
)

STUDY = Study(
    "packing",
    {
        "method": Axis(tuple(TITLES), quick=("first", "best", "random", "islands"),
                       titles=TITLES),
        "evaluations": Axis((200,), quick=(40,), extra=(40, 1000)),
        "seed": Axis(range(3), quick=range(1)),
    },
    measure,
    COLUMNS,
    folder=RESULTS,
    applies=lambda cell: cell["method"] not in FIXED or cell["seed"] == 0,
    curve=Curve("curve", "bins beyond the bound in training, %",
                shown=lambda cell: cell["method"] not in FIXED),
    summary=summary,
    about=__doc__,
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(STUDY.main())
