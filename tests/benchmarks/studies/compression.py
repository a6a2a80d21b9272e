"""EvoPress beside its controls: ``python -m tests.benchmarks.studies.compression``.

Question: how far from the whole model is a compressed one, whose levels a search, a rule or chance
has chosen, at equal bytes? A cell is one choice; what is missing is made, the rest is read from
``results/compression``. The seed draws the search text and seeds the search. Random search spends
as many tokens as the search, on random levels in the same stages. Every choice is measured on the
same held-out text, once. The core is sized for a CPU; ``--schedule`` takes the paper's sizes.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from evollm import Budget, run
from evollm.algorithms.races import Rung, one_plus_lambda
from evollm.report.cells import Cell, Found, Row
from evollm.report.study import Axis, Study
from evollm.report.tables import RUNS, Column, spread
from operators.levels import RandomLevels
from problems.compression import Depth, EvoPress, Joint, Quantization, Sparsity
from problems.compression.baselines.depth import shortened, shortgpt, sliding_window
from problems.compression.baselines.fisher import fisher_errors
from problems.compression.baselines.greedy import greedy
from problems.compression.baselines.knapsack import errors_of, within
from problems.compression.baselines.owl import owl_grid
from problems.compression.fitness import HELD_OUT
from problems.compression.kinds.space import Kind, Space, costs_of
from problems.compression.layout import Genome
from problems.compression.schedules import Schedule
from problems.compression.texts import TextSettings
from tests.benchmarks.studies import RESULTS

SETTINGS: Mapping[str, Kind] = {
    "depth25": Depth(0.25),
    "sparsity60": Sparsity(0.6),
    "bits3": Quantization(3),
    "bits2.5": Quantization(2.5),
    "joint": Joint(Depth(0.125), Quantization(3)),
}
LOOKS = 2048
"""Tokens on which a rule that looks at the model once does so."""
TRIED = 512
"""Tokens on which each of many trials is scored: greedy's, and the settings of OWL."""
TITLES = {
    "depth25": "depth 25%",
    "sparsity60": "sparsity 60%",
    "bits3": "3 bits",
    "bits2.5": "2.5 bits",
    "joint": "depth 12.5% and bits, in the bytes of 3 bits",
    "uniform": "uniform",
    "random": "random search",
    "greedy": "greedy by KL",
    "shortgpt": "ShortGPT",
    "window": "sliding window",
    "shortened": "Shortened-Llama",
    "owl": "OWL",
    "knapsack": "knapsack, layer errors",
    "fisher": "knapsack, Fisher",
    "evopress": "EvoPress",
}
PAPER = {
    ("depth25", "evopress"): "9.15",
    ("depth25", "shortgpt"): "23.41",
    ("depth25", "window"): "16.60",
    ("depth25", "shortened"): "13.86",
    ("sparsity60", "uniform"): "9.3",
    ("sparsity60", "owl"): "8.35",
    ("sparsity60", "evopress"): "8.21",
    ("bits3", "uniform"): "6.16",
    ("bits3", "evopress"): "5.70",
    ("bits2.5", "random"): "9.42",
    ("bits2.5", "evopress"): "8.03",
}
"""The paper's perplexities of Llama-2-7B on WikiText-2, whose whole model has 5.12 to 5.21."""
CORE = Schedule(24, 8, ((256, 2), (1024, 1)), 16, 256, 16_384, 128)


@cache
def _system(setting: str, schedule: str) -> EvoPress:
    kind: Any = SETTINGS[setting]
    long: Any = CORE if schedule == "core" else schedule
    text = TextSettings(held_out_tokens=4096)
    return EvoPress(None, kind, schedule=long, text=text, checkpoint="none")


class Choice:
    """What a rule has to choose with.

    Attributes:
        system: The search whose place it takes.
        seed: Of what it draws.
        tokens: Tokens that it has read so far.
    """

    def __init__(self, system: EvoPress, seed: int) -> None:
        self.system, self.seed, self.tokens = system, seed, 0
        system.problem.prepare()
        self.loaded = system.problem.loaded
        self.space = self.loaded.space
        self.scorer = self.loaded.scorer

    def text(self, tokens: int) -> Any:
        """Return windows of the pool."""
        pool = self.loaded.pool
        order = np.random.default_rng(self.seed).permutation(len(pool))
        return pool[order[: tokens // pool.shape[1]]]

    @property
    def like(self) -> Genome:
        """Levels of the budget."""
        if self.space.uniform is not None:
            return self.space.uniform
        return self.space.start.vary([], 1, self.seed).genomes[0]


def _evopress(given: Choice) -> Genome:
    result = given.system.run(seed=given.seed)
    given.tokens = int(result.usage.cost)
    return np.asarray(given.system.choose(result).genome)


def _random(given: Choice) -> Genome:
    """Score random levels in the first and the last stage, as many as take the search's tokens."""
    schedule, space = given.system.schedule, given.space
    (few, keep), (many, _) = schedule.stages[0], schedule.stages[-1]
    each = few + many * (keep + 1) / schedule.offspring
    count = int(schedule.tokens(space, schedule.generations) / each)
    rungs = [Rung(few, max(1, count * (keep + 1) // schedule.offspring)), Rung(many)]
    start = space.start if space.uniform is None else _drawn(space)
    flow = one_plus_lambda(
        start, start, offspring=1, seed=given.seed, starts=count, start_rungs=rungs
    )
    result = run(flow, given.system.problem, budget=Budget(generations=0))
    given.tokens = int(result.usage.cost)
    assert result.best is not None
    return np.asarray(result.best.genome)


def _drawn(space: Space) -> RandomLevels:
    return RandomLevels(costs_of(space.layout), space.budget)


def _greedy(given: Choice) -> Genome:
    together = 1 if given.system.kind.name == "depth" else 12
    before = given.scorer.computed
    found = greedy(given.scorer, given.text(TRIED), given.like, together=together)
    given.tokens = (given.scorer.computed - before) // len(given.loaded.blocks)
    return found


def _looked(rule: Callable[..., Genome]) -> Callable[[Choice], Genome]:
    def choose(given: Choice) -> Genome:
        given.tokens = LOOKS
        return rule(given.scorer, given.text(LOOKS), given.like)

    return choose


def _owl(given: Choice) -> Genome:
    source: Any = given.loaded.source
    found = list(owl_grid(given.space.layout, source, given.space.budget).values())
    scores = given.scorer.score(found, given.text(TRIED))
    given.tokens = TRIED * len(found)
    return found[int(np.argmin([score.mean for score in scores]))]


def _knapsack(given: Choice) -> Genome:
    source: Any = given.loaded.source
    errors = errors_of(given.space.layout, source)
    return within(given.space.layout, errors, given.space.budget)


def _fisher(given: Choice) -> Genome:
    source: Any = given.loaded.source
    given.loaded.release()
    errors = fisher_errors(given.loaded.lm, given.space.layout, source, given.text(LOOKS))
    given.tokens = LOOKS
    return within(given.space.layout, errors, given.space.budget)


METHODS: Mapping[str, Callable[[Choice], Genome]] = {
    "uniform": lambda given: given.like,
    "random": _random,
    "greedy": _greedy,
    "shortgpt": _looked(shortgpt),
    "window": _looked(sliding_window),
    "shortened": _looked(shortened),
    "owl": _owl,
    "knapsack": _knapsack,
    "fisher": _fisher,
    "evopress": _evopress,
}
ONLY: Mapping[str, tuple[str, ...]] = {
    "uniform": ("sparsity60", "bits3"),
    "greedy": ("depth25", "sparsity60", "bits3", "bits2.5"),
    "shortgpt": ("depth25",),
    "window": ("depth25",),
    "shortened": ("depth25",),
    "owl": ("sparsity60",),
    "knapsack": ("sparsity60", "bits3", "bits2.5"),
    "fisher": ("sparsity60", "bits3", "bits2.5"),
}
"""For which settings a method is, if not for all."""
FIXED = ("uniform", "knapsack")
"""Methods that read no search text, so that one seed says all."""


def applies(cell: Cell) -> bool:
    """Return whether a method is for a setting, and a seed makes a difference."""
    own = cell["setting"] in ONLY.get(cell["method"], tuple(SETTINGS))
    return own and (cell["seed"] == 0 or cell["method"] not in FIXED)


def measure(cell: Cell) -> Found:
    """Choose levels, and measure them on the held-out text."""
    given = Choice(_system(cell["setting"], cell["schedule"]), cell["seed"])
    began = time.perf_counter()
    genome = METHODS[cell["method"]](given)
    seconds = time.perf_counter() - began
    [outcome] = given.system.problem.evaluate([genome], HELD_OUT, 0)
    layout, info = given.space.layout, outcome.info
    return {
        "kl": round(outcome.metrics["kl"], 5),
        "perplexity": round(outcome.metrics["perplexity"], 3),
        "bytes": layout.cost(genome),
        "budget": given.space.budget,
        "tokens": given.tokens,
        "seconds": round(seconds, 1),
        "windows": info["kl"],
        "genome": genome.tolist(),
    }


def _paper(row: Row) -> Any:
    found = PAPER.get((row.cell["setting"], row.cell["method"]))
    return None if found is None else float(found)


def paired(rows: Sequence[Row]) -> str:
    """Write how much lower EvoPress's divergence is than the others', window by window."""
    lines = []
    for setting, title in ((name, TITLES[name]) for name in SETTINGS):
        own: dict[str, list[Any]] = {}
        for row in rows:
            if row.cell["setting"] == setting:
                own.setdefault(row.cell["method"], []).append(row.found["windows"])
        if "evopress" not in own:
            continue
        best = np.mean(own.pop("evopress"), axis=0)
        for method, windows in own.items():
            gap = np.mean(windows, axis=0) - best
            error = gap.std(ddof=1) / np.sqrt(len(gap))
            lines.append(f"{title}, {TITLES[method]}: {gap.mean():+.4f} ± {error:.4f}")
    return "\n".join(
        ["KL above that of EvoPress, paired over windows, with standard errors:", *lines]
    )


def gains(rows: Sequence[Row]) -> dict[str, float]:
    """Return EvoPress's mean divergence over that of random search, by setting."""
    means: dict[tuple[str, str], float] = {}
    for setting in SETTINGS:
        for method in ("random", "evopress"):
            own = [
                row.found["kl"]
                for row in rows
                if (row.cell["setting"], row.cell["method"]) == (setting, method)
            ]
            if own:
                means[setting, method] = float(np.mean(own))
    return {
        setting: round(means[setting, "evopress"] / means[setting, "random"], 3)
        for setting in SETTINGS
        if (setting, "evopress") in means and (setting, "random") in means
    }


STUDY = Study(
    "compression",
    {
        "setting": Axis(tuple(SETTINGS), quick=("depth25",), titles=TITLES),
        "method": Axis(tuple(METHODS), quick=("shortgpt", "evopress"), titles=TITLES),
        "seed": Axis(range(3), quick=range(1)),
        "schedule": Axis(("core",), extra=("quick", "super-fast", "paper")),
    },
    measure,
    (
        Column("held-out KL", "kl", form=".4f"),
        Column("sd", "kl", spread, ".4f"),
        Column("perplexity", "perplexity", form=".1f"),
        Column("sd", "perplexity", spread, ".1f"),
        RUNS,
        Column("bytes", "bytes", form=",.0f"),
        Column("tokens", "tokens", form=",.0f"),
        Column("seconds", "seconds", form=",.0f"),
        Column("paper's perplexity", _paper, form=".2f"),
    ),
    folder=RESULTS,
    applies=applies,
    summary=paired,
    closing=gains,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(STUDY.main())
