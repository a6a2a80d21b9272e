"""EvoPress beside its controls: ``python -m tests.benchmarks.studies.compression``.

Question: how far from the whole model is a compressed one, whose levels a search, a rule or chance
has chosen, at equal bytes? A cell is one choice; what is missing is made, the rest is read from
``results/compression``. The seed draws the search text and seeds the search. Random search spends
as many tokens as the search, on random levels in the same stages. Every choice is measured on the
same held-out text, once. The core is sized for a CPU; ``--schedule`` takes the paper's sizes.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from evollm.report.cells import Cell, Found, Row
from evollm.report.study import Axis, Study
from evollm.report.tables import RUNS, Column, spread
from problems.compression import Depth, EvoPress, Joint, Quantization, Sparsity
from problems.compression.baselines.rules import ONLY, choice
from problems.compression.fitness import HELD_OUT
from problems.compression.kinds.space import Kind
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
TITLES = {
    "depth25": "depth 25%",
    "sparsity60": "sparsity 60%",
    "bits3": "3 bits",
    "bits2.5": "2.5 bits",
    "joint": "depth 12.5% and bits, in the bytes of 3 bits",
}
PAPER = {
    ("depth25", "evopress"): 9.15,
    ("depth25", "shortgpt"): 23.41,
    ("depth25", "window"): 16.60,
    ("depth25", "shortened"): 13.86,
    ("sparsity60", "uniform"): 9.3,
    ("sparsity60", "owl"): 8.35,
    ("sparsity60", "evopress"): 8.21,
    ("bits3", "uniform"): 6.16,
    ("bits3", "evopress"): 5.70,
    ("bits2.5", "random"): 9.42,
    ("bits2.5", "evopress"): 8.03,
}
"""The paper's perplexities of Llama-2-7B on WikiText-2, whose whole model has 5.12 to 5.21."""
CORE = Schedule(16, 8, ((256, 2), (1024, 1)), 16, 1024, 16_384, 128, True)


@cache
def _system(setting: str, schedule: str) -> EvoPress:
    kind: Any = SETTINGS[setting]
    long: Any = CORE if schedule == "core" else schedule
    text = TextSettings(held_out_tokens=4096)
    return EvoPress(None, kind, schedule=long, text=text, checkpoint="none")


METHODS: Mapping[str, str] = {
    "uniform": "uniform",
    "random": "random search",
    "greedy": "greedy by KL",
    "shortgpt": "ShortGPT",
    "window": "sliding window",
    "shortened": "Shortened-Llama",
    "owl": "OWL",
    "knapsack": "knapsack",
    "fisher": "knapsack, Fisher",
    "evopress": "EvoPress",
}
"""The names of cells, and those of rules."""
FIXED = ("uniform", "knapsack")
"""Methods that read no search text, so that one seed says all."""


def applies(cell: Cell) -> bool:
    """Return whether a method is for a setting, and a seed makes a difference."""
    kind, name = SETTINGS[cell["setting"]], METHODS[cell["method"]]
    fits = kind.name in ONLY.get(name, (kind.name,))
    if name == "uniform" and cell["setting"] == "bits2.5":
        fits = False
    if cell["method"] == "greedy" and kind.name != "depth":
        fits = False  # of hundreds of layers it scores 60 times as many tokens as the search
    return fits and (cell["seed"] == 0 or cell["method"] not in FIXED)


def measure(cell: Cell) -> Found:
    """Choose levels, and measure them on the held-out text."""
    system = _system(cell["setting"], cell["schedule"])
    system.problem.prepare()
    began = time.perf_counter()
    genome, tokens = _chosen(system, cell)
    seconds = time.perf_counter() - began
    [outcome] = system.problem.evaluate([genome], HELD_OUT, 0)
    return {
        "kl": round(outcome.metrics["kl"], 5),
        "perplexity": round(outcome.metrics["perplexity"], 3),
        "bytes": int(outcome.metrics["bytes"]),
        "budget": system.problem.space.budget,
        "tokens": tokens,
        "seconds": round(seconds, 1),
        "windows": outcome.info["kl"],
        "genome": genome.tolist(),
    }


def _chosen(system: EvoPress, cell: Cell) -> tuple[Genome, int]:
    """Return levels, and the tokens of search text that it took to choose them."""
    if cell["method"] == "evopress":
        result = system.run(seed=cell["seed"])
        return np.asarray(system.choose(result).genome), int(result.usage.cost)
    found = choice(METHODS[cell["method"]], system.problem, system.schedule, cell["seed"])
    return np.array(found.genome), found.tokens


def _paper(row: Row) -> Any:
    return PAPER.get((row.cell["setting"], row.cell["method"]))


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
            lines.append(f"{title}, {METHODS[method]}: {gap.mean():+.4f} ± {error:.4f}")
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
        "method": Axis(tuple(METHODS), quick=("shortgpt", "evopress"), titles=METHODS),
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
