"""The taught model and its opponents on BBOB: ``python -m tests.benchmarks.studies.tuned``.

Question: at 100 evaluations, is the model with the adapter that comes with the package ahead of
what people would use instead? That is CMA-ES with two start steps, nevergrad's NGOpt, and Optuna's
Gaussian process and TPE. Beside them are the model untaught, asked our way and the paper's, hill
climbing, random search, and our loop with a weighted mean in place of the model. A cell is one run;
``--evaluations 200`` makes longer ones. Runs that ``results/bbob`` has are taken from there; other
libraries run in an environment of their own, which is installed on first use.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.stats import wilcoxon  # type: ignore[import-untyped]

from evollm.checks import shared
from evollm.llm.base import LanguageModel
from evollm.report.cells import Cell, Cells, Found, Row
from evollm.report.study import Axis, Study
from evollm.report.tables import RUNS, Column, markdown, median
from problems.blackbox import demo
from problems.blackbox.bbob import NAMES, bbob
from problems.blackbox.controls import TITLES
from problems.blackbox.framed import Framed
from problems.blackbox.taught.adapters import as_taught
from tests.benchmarks.studies import RESULTS, adapters
from tests.benchmarks.studies.opponents import OPPONENTS, minimized

OWN = "taught"
CMA = ("cma", "cma1")
"""CMA-ES with start steps of 2 and 1 in the box of ten units."""
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "free": ("free: taught, without quadratic steps", {"quadratic": False}),
    "mean": ("free, steps from the mean of 8 answers", {"mean_of": 8, "quadratic": False}),
    "mean_quadratic": ("taught, steps from the mean of 8 answers", {"mean_of": 8}),
    "pairs": ("free, pairs of coordinates", {"block": 2, "quadratic": False}),
    "shuffled": (
        "free, random pairs of coordinates",
        {"block": 2, "shuffle": True, "quadratic": False},
    ),
    "recombination_quadratic": (
        "recombination (no model), with quadratic steps",
        {"quadratic": True},
    ),
    "recombination_short": (
        "recombination (no model), with quadratic steps, generations of 3",
        {"quadratic": True, "population": 3},
    ),
}
"""Other settings of the taught model, and a control; ``--method`` adds them to the table."""
VERSIONS = {"recombination_quadratic": 3}
METHODS: Mapping[str, str] = {
    name: {**TITLES, **OPPONENTS, "cma": "CMA-ES, step 2", "cma1": "CMA-ES, step 1"}[name]
    for name in (OWN, "framed", "paper", "recombination", "hill", "random", *CMA, *OPPONENTS)
}
SHARED = ("sphere", "ellipsoid", "rotated-ellipsoid", "discus", "bent-cigar")
"""Quadratic functions, of whose family the training data have others."""
SMOOTH = (*SHARED, "linear-slope", "different-powers", "rosenbrock", "rotated-rosenbrock")
"""Functions that are smooth and have one basin, or nearly so."""
QUICK = tuple(NAMES[place] for place in (0, 1, 2, 5, 7, 9, 11, 14, 15, 17, 19, 20))
AT = (20, 50, 100)
"""Evaluations at which the table has the best value."""
LONG = 200
"""Evaluations of longer runs, which ``--evaluations`` asks for."""


def measure(cell: Cell, asked: Callable[[], LanguageModel] | None = None) -> Found:
    """Run one cell; keep every tenth point of its curve.

    Args:
        cell: Method, function, dimension, seed and evaluations.
        asked: Connects to the taught model; None for the one of the package.
    """
    name = cell["method"]
    if asked and (name == OWN or name in VARIANTS) and not name.startswith("recombination"):
        variant = Framed(**VARIANTS.get(name, ("", {}))[1])
        settings = shared(as_taught(variant, cell["dimension"]), Framed)
        found = dict(demo.measure({**cell, "method": "framed"}, asked, settings=settings))
        return {**found, "gaps": _thinned(found["gaps"])}
    if (kept := _kept(cell)) is not None:
        return dict(kept)
    if name in OPPONENTS:
        return _opponent(cell)
    chosen: Mapping[str, Any] | None = {"sigma": 0.1} if name == "cma1" else None
    method = "cma" if name == "cma1" else name
    if name in VARIANTS:
        model = "recombination" if name.startswith("recombination") else OWN
        method, chosen = model, VARIANTS[name][1]
    found = dict(demo.measure({**cell, "method": method}, settings=chosen))
    return {**found, "gaps": _thinned(found["gaps"])}


def _kept(cell: Cell) -> Mapping[str, Any] | None:
    """Return what the study of the untaught model found in the same cell."""
    version = demo.METHODS.versions.get(cell["method"], 1)
    return _bbob().get(cell, version)


@cache
def _bbob() -> Cells:
    return Cells(RESULTS / "bbob", "method")


def _opponent(cell: Cell) -> Found:
    function, _, optimum = bbob(cell["function"], cell["dimension"], cell["seed"] + 1)

    def value(point: list[float]) -> float:
        return float(function.function.evaluate(np.array([point]))[0])

    began = time.perf_counter()
    size = (cell["dimension"], (-5.0, 5.0), cell["evaluations"], cell["seed"])
    values = minimized(cell["method"], value, *size)
    gaps = np.maximum(np.minimum.accumulate(values) - optimum, 0.0)
    seconds = round(time.perf_counter() - began, 2)
    return {"gaps": _thinned(gaps), "calls": 0, "tokens": 0, "seconds": seconds, "fallbacks": 0}


def _thinned(gaps: Any) -> list[float]:
    return [float(f"{gap:.4g}") for gap in gaps[9::10]]


class Finals:
    """The last gaps of all methods, where ours has one.

    Attributes:
        ours: The method that is compared with the others.
        gaps: By dimension and function, of each method those of the instances, in their order.
    """

    def __init__(self, rows: Sequence[Row], ours: str = OWN) -> None:
        self.ours = ours
        self.gaps: dict[tuple[int, str], dict[str, dict[int, float]]] = {}
        for row in rows:
            cell = row.cell
            own = self.gaps.setdefault((cell["dimension"], cell["function"]), {})
            own.setdefault(cell["method"], {})[cell["seed"]] = row.found["gaps"][-1]

    def scores(self, methods: Sequence[str]) -> list[tuple[float, float]]:
        """Return by function our score, and the best of some methods that all have one.

        The score is the median over the instances that all of them have, plus 1e-8.
        """
        found = []
        for own in self.gaps.values():
            if seeds := _shared(own, (self.ours, *methods)):
                ours, *theirs = (_median(own[name], seeds) for name in (self.ours, *methods))
                found.append((ours, min(theirs)))
        return found

    def pairs(self, methods: Sequence[str], only: Callable[[int, str], bool]) -> list[Any]:
        """Return our last gaps beside a method's, of each function those of all instances.

        Args:
            methods: One, or several of which the one with the better median counts by function.
            only: Says by dimension and name which functions count.
        """
        found = []
        for (dimension, function), own in self.gaps.items():
            seeds = _shared(own, (self.ours, *methods))
            if seeds and only(dimension, function):
                name = min(methods, key=lambda name: _median(own[name], seeds))
                found.append([(own[self.ours][seed], own[name][seed]) for seed in seeds])
        return found


def _shared(own: Mapping[str, Mapping[int, float]], methods: Sequence[str]) -> list[int]:
    """Return the instances that all methods have."""
    return sorted(set.intersection(*(set(own.get(name, ())) for name in methods)))


def _median(gaps: Mapping[int, float], seeds: Sequence[int]) -> float:
    return float(np.median([gaps[seed] for seed in seeds])) + 1e-8


def ratio(scores: Sequence[tuple[float, float]]) -> float | None:
    """Return the geometric mean of our score over theirs, each clipped to [0.001, 1000]."""
    if not scores:
        return None
    ratios = np.clip([ours / theirs for ours, theirs in scores], 1e-3, 1e3)
    return round(float(np.exp(np.log(ratios).mean())), 3)


def share(functions: Sequence[Any]) -> float | None:
    """Return in which share of all pairs ours is smaller; ties count half."""
    if not functions:
        return None
    pairs = np.concatenate(functions)
    return round(float(((np.sign(pairs[:, 1] - pairs[:, 0]) + 1) / 2).mean()), 3)


def closing(rows: Sequence[Row], ours: str = OWN) -> dict[str, Any]:
    """Return the figures of the closing line."""
    last = Finals(rows, ours)
    figures: dict[str, Any] = {
        "ratio_to_cma_geomean": ratio(last.scores(CMA)),
        "ratio_to_best_geomean": ratio(last.scores((*CMA, "ngopt", "gp"))),
    }
    for name, methods in (
        ("random", ("random",)),
        ("hill", ("hill",)),
        ("cma", CMA),
        ("ngopt", ("ngopt",)),
        ("gp", ("gp",)),
    ):
        figures[f"win_share_{name}"] = share(last.pairs(methods, lambda *_: True))
    steps = [_per_step(row) for row in rows if row.cell["method"] == ours]
    figures["seconds_per_step"] = round(float(np.mean(steps)), 2) if steps else None
    return figures


def _per_step(row: Row) -> float:
    """Return the seconds of as many evaluations as a generation of the taught model has."""
    settings = Framed()
    steps: float = (row.cell["evaluations"] - settings.warmup) / settings.offspring
    return float(row.found["seconds"]) / steps


def summary(rows: Sequence[Row], ours: str = OWN) -> str:
    """Compare a method with each other one, by dimension and sort of function."""
    last, lines = Finals(rows, ours), []
    sorts: dict[str, Callable[[str], bool]] = {
        "all": lambda name: True,
        "quadratic, as in training": lambda name: name in SHARED,
        "others": lambda name: name not in SHARED,
        "not smooth and unimodal": lambda name: name not in SMOOTH,
    }
    others: dict[str, tuple[str, ...]] = {"CMA-ES, the better step": CMA}
    titles = {**METHODS, **{name: title for name, (title, _) in VARIANTS.items()}}
    for name, title in titles.items():
        if name not in (ours, *CMA):
            others[title] = (name,)
    for dimension in sorted({key[0] for key in last.gaps}):
        for title, known in others.items():
            for sort, fits in sorts.items():
                pairs = last.pairs(known, lambda d, f, fits=fits, n=dimension: d == n and fits(f))  # type: ignore[misc]
                if pairs:
                    lines.append(_line(f"{dimension}-d, {title}", sort, pairs))
    head = [f"{ours} against", "functions", "runs", "ratio by run", "wins", "p"]
    return f"{NOTE}\n\n{markdown(head, lines, left=2)}" if lines else ""


LEAST = 6
"""Functions below which a signed-rank test says nothing."""
NOTE = """\
Ratio by run: the geometric mean over runs of our last gap over theirs, each plus 1e-8 and clipped
to [0.001, 1000]; in the closing line it is of medians over instances. Wins: the share of runs that
end lower, ties as half. p: of a signed-rank test of each function's mean logarithm, not corrected
for the number of tests. Every seed is another instance of the function, the same for all."""


def _line(title: str, sort: str, functions: Sequence[Any]) -> list[str]:
    logs = [
        np.log(np.clip((g[:, 0] + 1e-8) / (g[:, 1] + 1e-8), 1e-3, 1e3))
        for g in map(np.array, functions)
    ]
    means = np.array([own.mean() for own in logs])
    p = f"{wilcoxon(means).pvalue:.2g}" if len(means) >= LEAST and means.any() else "-"
    mean, runs = np.exp(np.concatenate(logs).mean()), sum(map(len, logs))
    return [title, sort, str(runs), f"{mean:.3f}", f"{share(functions) or 0.0:.0%}", p]


def _columns(at: Sequence[int]) -> tuple[Column, ...]:
    return (
        *(Column(f"after {number}", _at(number), median) for number in at),
        Column("worst", lambda row: row.found["gaps"][-1], max),
        RUNS,
        Column("seconds", "seconds", form=".1f"),
    )


def _at(evaluations: int) -> Callable[[Row], Any]:
    """Return the best value's column; None for a shorter run."""
    place = evaluations // 10 - 1
    return lambda row: next(iter(row.found["gaps"][place:]), None)


STUDY = Study(
    "tuned",
    {
        "dimension": Axis((2, 5), extra=(10,), titles={2: "2-d", 5: "5-d", 10: "10-d"}),
        "function": Axis(NAMES, quick=QUICK),
        "method": Axis(
            tuple(METHODS),
            extra=tuple(VARIANTS),
            titles={**METHODS, **{name: title for name, (title, _) in VARIANTS.items()}},
            versions={**demo.METHODS.versions, **VERSIONS},
        ),
        "seed": Axis(range(3), quick=range(1)),
        "evaluations": Axis(AT[-1:], extra=(LONG,)),
    },
    measure,
    _columns(AT),
    folder=RESULTS,
    summary=summary,
    closing=closing,
    about=__doc__,
)


def main() -> int:
    """Run the study; ``--adapter`` names the taught model."""
    parser = STUDY.parser()
    adapters.add(parser)
    text = "the method that is compared with the others (%(default)s)"
    parser.add_argument("--ours", default=OWN, choices=[OWN, *VARIANTS], help=text)
    said = parser.parse_args()
    return replace(
        STUDY,
        columns=_columns((*AT, LONG) if LONG in (said.evaluations or ()) else AT),
        measure=partial(measure, asked=adapters.asked(said)),
        summary=partial(summary, ours=said.ours),
        closing=partial(closing, ours=said.ours),
    ).go(said)


if __name__ == "__main__":
    sys.exit(main())
