"""Whether more removals can be better: ``python -m tests.benchmarks.studies.monotone``.

Question: is there a compressed model that differs less from the whole one than another one does,
although it lacks all that the other one lacks, and more? First a search finds a good way to drop
many sublayers. Then the same search with its fitness turned round finds a bad way to drop fewer of
these, and no others. Both are measured on held-out text, and so are random ways to drop as few. The
search text and the held-out text are those of ``tests.benchmarks.studies.compression``.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evollm import Budget, run
from evollm.algorithms.races import Rung, one_plus_lambda
from evollm.report.cells import Cell, Found, Row
from evollm.report.study import Axis, Study
from evollm.report.tables import Column
from evollm.types import JSON, Outcome
from operators.levels import LevelSwap, RandomLevels
from problems.compression import Depth, EvoPress
from problems.compression.fitness import HELD_OUT, CompressedModel
from problems.compression.kinds.space import costs_of
from problems.compression.layout import Genome, Layout
from problems.compression.schedules import Schedule
from problems.compression.texts import TextSettings
from tests.benchmarks.studies import RESULTS

LONG = Schedule(16, 8, ((256, 2), (1024, 1)), 16, 1024, 16_384, 128, True)
TOKENS = 512
"""Tokens that a way to drop fewer is scored on."""
RANDOM = 16
"""Random ways to drop fewer that are measured."""


@dataclass(frozen=True)
class Worst:
    """Scores levels by how much the model differs from the whole one: more is better.

    Attributes:
        problem: What measures that.
    """

    problem: CompressedModel

    def evaluate(
        self,
        genomes: Sequence[Genome],
        fidelity: int | None,
        seed: int,
        context: Mapping[str, JSON] | None = None,
    ) -> Iterator[Outcome]:
        """Yield outcomes; all are scored in full, as the best ones are dear."""
        for outcome in self.problem.evaluate(genomes, fidelity, seed):
            yield Outcome(-outcome.fitness, outcome.metrics, cost=outcome.cost)


def measure(cell: Cell) -> Found:
    """Search for both ways, and measure them."""
    text = TextSettings(held_out_tokens=4096)
    system = EvoPress(None, Depth(cell["drop"]), schedule=LONG, text=text, checkpoint="none")
    most = np.asarray(system.choose(system.run(seed=cell["seed"])).genome)
    problem, few = system.problem, round(cell["fewer"] * len(system.problem.loaded.blocks))
    start, variation = within(problem.space.layout, most, few)
    last = Rung(TOKENS)
    flow = one_plus_lambda(start, variation, offspring=8, seed=cell["seed"], rungs=[last], starts=8)
    budget = Budget(generations=LONG.generations)
    found = run(flow, Worst(problem), budget=budget).best
    assert found is not None
    worst = np.asarray(found.genome)
    assert set(np.flatnonzero(worst == 0)) < set(np.flatnonzero(most == 0))
    drawn = start.vary([], RANDOM, cell["seed"]).genomes
    more, less, *others = problem.evaluate([most, worst, *drawn], HELD_OUT, 0)
    gap = np.array(less.info["kl"]) - np.array(more.info["kl"])
    return {
        "kl_more": more.metrics["kl"],
        "kl_fewer": less.metrics["kl"],
        "perplexity_more": more.metrics["perplexity"],
        "perplexity_fewer": less.metrics["perplexity"],
        "gap": float(gap.mean()),
        "error": float(gap.std(ddof=1) / np.sqrt(len(gap))),
        "random": float(np.mean([one.metrics["kl"] for one in others])),
        "worse": sum(one.metrics["kl"] > more.metrics["kl"] for one in others),
        "more": most.tolist(),
        "fewer": worst.tolist(),
    }


def within(layout: Layout, most: Genome, few: int) -> tuple[RandomLevels, LevelSwap]:
    """Return operators that draw and vary ways to drop a few of the sublayers that ``most`` drops.

    Args:
        layout: The sublayers.
        most: The way that drops more of them.
        few: How many of each sort are dropped.
    """
    costs, names = costs_of(layout), layout.groups("name")
    gone = np.flatnonzero(most == 0)
    pools = tuple(
        tuple(int(place) for place in gone if names[place] == name) for name in sorted(set(names))
    )
    start = RandomLevels(costs, sum(row[-1] for row in costs), (), pools, (few,) * len(pools))
    apart = len(set(names))  # what must stay is in a group of its own, where nothing can move
    groups = tuple(name if most[place] == 0 else apart + place for place, name in enumerate(names))
    return start, LevelSwap(((0, 1),) * len(costs), groups)


def summary(rows: Sequence[Row]) -> str:
    """Name the pairs."""
    lines = []
    for row in rows:
        found: Any = row.found
        more, fewer = (_named(found[name]) for name in ("more", "fewer"))
        lines.append(
            f"seed {row.cell['seed']}: without {more}: {found['kl_more']:.4f}; "
            f"without only {fewer}: {found['kl_fewer']:.4f}"
        )
    return "\n".join(["Which sublayers are dropped, and the held-out KL:", *lines])


def _named(genome: Sequence[int]) -> str:
    """Return the dropped sublayers, of a genome that has attention and MLP in turn."""
    gone = [place for place, level in enumerate(genome) if level == 0]
    parts = [[str(place // 2) for place in gone if place % 2 == sort] for sort in (0, 1)]
    return f"attention {' '.join(parts[0])} and MLP {' '.join(parts[1])}"


STUDY = Study(
    "monotone",
    {
        "drop": Axis((0.4,), extra=(0.25, 0.3, 0.5)),
        "fewer": Axis((0.27,), extra=(0.1, 0.2)),
        "seed": Axis(range(3), quick=range(1)),
    },
    measure,
    (
        Column("KL of more removals", "kl_more", form=".4f"),
        Column("KL of fewer", "kl_fewer", form=".4f"),
        Column("difference", "gap", form="+.4f"),
        Column("error", "error", form=".4f"),
        Column("perplexity of more", "perplexity_more", form=".1f"),
        Column("of fewer", "perplexity_fewer", form=".1f"),
        Column("random fewer", "random", form=".4f"),
        Column(f"worse of {RANDOM}", "worse", form=".0f"),
    ),
    folder=RESULTS,
    compared="fewer",
    summary=summary,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(STUDY.main())
