"""EvoLLM and its controls on the 24 BBOB functions: ``python -m tests.benchmarks.studies.bbob``.

Question: what does a small, untaught model add at 100 evaluations, asked the paper's way and asked
for samples in a frame that follows the search? A cell is one run; what is missing is run, the rest
is read from ``results/bbob``. Short contexts: 3 generations of 3 rows. No cell is run twice, and an
interrupted command goes on with the next call.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from evollm.report.cells import Cell, Found, Row
from evollm.report.study import Axis, Study
from evollm.report.tables import grouped, markdown
from problems.blackbox import demo
from problems.blackbox.bbob import NAMES
from problems.blackbox.controls import MODELS, TITLES
from tests.benchmarks.studies import RESULTS

METHODS = tuple(method for method in demo.METHODS.values if method != "taught")
"""The taught model is in ``tests.benchmarks.studies.tuned``."""
GROUPS = {
    "all": NAMES,
    "separable (f1-f5)": NAMES[:5],
    "moderate (f6-f9)": NAMES[5:9],
    "ill-conditioned (f10-f14)": NAMES[9:14],
    "multimodal (f15-f19)": NAMES[14:19],
    "weakly structured (f20-f24)": NAMES[19:],
}
Gaps = Mapping[str, float]


def measure(cell: Cell) -> Found:
    """Run one cell; keep every tenth point of its curve."""
    found = dict(demo.measure(cell))
    return {**found, "gaps": [float(f"{gap:.4g}") for gap in found["gaps"][9::10]]}


def finals(rows: Sequence[Row]) -> dict[tuple[int, str, int], Gaps]:
    """Return the last gap of each method by dimension, function and seed, where all have one."""
    found = {
        key: {row.cell["method"]: row.found["gaps"][-1] for row in group}
        for key, group in grouped(rows, ("dimension", "function", "seed")).items()
    }
    return {key: gaps for key, gaps in found.items() if gaps.keys() >= set(METHODS)}


def wins(rows: Sequence[Row]) -> dict[str, float]:
    """Return in which share of the runs a method ends below random search, ties as half."""
    last = finals(rows).values()
    shares = {
        method: [(np.sign(gaps["random"] - gaps[method]) + 1) / 2 for gaps in last]
        for method in METHODS[1:]
    }
    return {method: round(float(np.mean(share)), 3) for method, share in shares.items() if share}


def ranks(gaps: Gaps) -> list[float]:
    """Return the rank of each method, 1 the best; the equal share theirs."""
    values = [gaps[method] for method in METHODS]
    return [sum(v < own for v in values) + (1 + values.count(own)) / 2 for own in values]


def summary(rows: Sequence[Row]) -> str:
    """Write the mean ranks by dimension and group of functions, and what a model's run takes."""
    lines, last = [], finals(rows)
    for dimension in sorted({key[0] for key in last}):
        for group, names in GROUPS.items():
            own = [gaps for (d, f, _), gaps in last.items() if d == dimension and f in names]
            if own:
                means = [f"{rank:.2f}" for rank in np.mean([ranks(gaps) for gaps in own], axis=0)]
                lines.append([f"{dimension}-d, {group}", str(len(own)), *means])
    parts = [markdown(["mean rank", "runs", *(TITLES[method] for method in METHODS)], lines)]
    for (method,), asked in grouped(rows, ("method",)).items():
        if method in MODELS:
            calls, tokens, share = (
                np.mean([row.found[name] for row in asked])
                for name in ("calls", "tokens", "fallbacks")
            )
            text = f"{calls:.0f} calls and {tokens:.0f} tokens per run, {share:.1%} fall-backs"
            parts.append(f"{TITLES[method]}: {text}")
    return "\n\n".join(parts)


STUDY = Study(
    "bbob",
    {
        "method": replace(demo.METHODS, values=METHODS),
        "dimension": Axis((2, 5), quick=(2,), titles={2: "2-d", 5: "5-d"}),
        "function": Axis(NAMES, quick=("sphere", "rastrigin")),
        "seed": Axis(range(3)),
        "evaluations": Axis((100,)),
    },
    measure,
    demo.COLUMNS,
    folder=RESULTS,
    summary=summary,
    closing=lambda rows: {"better_than_random": wins(rows)},
    jobs=3,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(STUDY.main())
