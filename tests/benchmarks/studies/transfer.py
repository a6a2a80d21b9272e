"""The taught model on tasks of other sorts: ``python -m tests.benchmarks.studies.transfer``.

Question: does the adapter of the package, which was taught on made-up functions, help where the
fitness is none of these? The tasks: the two hyper-parameters of a support vector machine, on
logarithmic scales, by five-fold balanced accuracy on pima and vehicle; and linear policies for
CartPole (10 weights) and Acrobot (21), by the mean return of eight episodes. A policy is scored in
64 new episodes at the end. The controls and Optuna's TPE have the same evaluations. The taught
model is asked for all coordinates at once, and for pairs of Acrobot's, for which it is no default.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm import Budget, run
from evollm.llm.connect import connect
from evollm.report.cells import Cell, Found, Row
from evollm.report.curves import best_so_far
from evollm.report.study import Axis, Study
from evollm.report.tables import RUNS, Column, spread
from problems.blackbox.control_tasks import EPISODES, FRESH, control
from problems.blackbox.controls import MODELS, TITLES, strategy_of
from problems.blackbox.function import Function
from problems.blackbox.space import Real, Space
from problems.blackbox.taught.adapters import DEFAULT, FILE, as_taught, taught
from problems.trees.data.tables import load
from tests.benchmarks.studies import RESULTS, adapters
from tests.benchmarks.studies.opponents import OPPONENTS, minimized

AT = (20, 50, 100)
"""Evaluations at which the best is kept."""
model = cache(connect)


@dataclass(frozen=True, slots=True)
class Machine:
    """Balanced accuracy of a support vector machine in five folds.

    Attributes:
        data: Name of the data set.
        seed: Of the folds.
    """

    data: str
    seed: int

    def __call__(self, point: Sequence[float]) -> float:
        """Return it for a penalty and the width of the kernel."""
        from sklearn.model_selection import StratifiedKFold, cross_val_score
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        table = load(self.data)
        machine = make_pipeline(StandardScaler(), SVC(C=point[0], gamma=point[1]))
        folds = StratifiedKFold(5, shuffle=True, random_state=self.seed)
        scores = cross_val_score(machine, table.X, table.y, cv=folds, scoring="balanced_accuracy")
        return float(scores.mean())


def task(name: str, seed: int) -> tuple[Function, Space]:
    """Return a task and its space; the seed draws folds or episodes."""
    if name in ("cartpole", "acrobot"):
        return control(name, hidden=(), episodes=8, instance=seed)
    space = Space((Real(1e-2, 1e3, log=True), Real(1e-4, 10.0, log=True)))
    return Function(Machine(name.removeprefix("svm-"), seed), space, maximize=True), space


def measure(cell: Cell, device: str | None = None, dtype: str = "float32") -> Found:
    """Run one cell.

    Args:
        cell: Task, method and seed.
        device: Where a model's answers are computed; None for a server.
        dtype: The precision, without a server.
    """
    began = time.perf_counter()
    problem, space = task(cell["task"], cell["seed"])
    if cell["method"] in OPPONENTS:
        scores, best = _opponent(problem, space, cell)
    else:
        strategy, model = _asked(cell["method"], len(space), device, dtype)
        scores, best = _searched(problem, space, cell["seed"], strategy, model)
    curve = np.maximum.accumulate(scores)
    found: dict[str, Any] = {"best": [round(float(curve[at - 1]), 4) for at in AT]}
    if cell["task"] in ("cartpole", "acrobot"):
        fresh = replace(problem, function=replace(problem.function, episodes=EPISODES))
        [outcome] = fresh.evaluate([best], None, FRESH)
        found["fresh"] = round(outcome.fitness, 2)
    return {**found, "seconds": round(time.perf_counter() - began, 1)}


def _asked(method: str, coordinates: int, device: str | None, dtype: str) -> tuple[Any, Any]:
    """Return a method's settings, and the model that it asks."""
    strategy: Any = strategy_of(method)
    if method not in MODELS:
        return strategy, None
    if device:
        asked = adapters.connected(FILE if method == "taught" else None, device, dtype)
        return as_taught(strategy, coordinates) if method == "taught" else strategy, asked
    if method == "taught":
        return taught(strategy, model(), DEFAULT, coordinates)
    return strategy, model()


def _searched(
    problem: Function, space: Space, seed: int, strategy: Any, asked: Any
) -> tuple[Any, NDArray[np.float64]]:
    """Return the fitness of all points, and the best point."""
    flow = strategy.flow(asked, space, (), seed)
    result = run(flow, problem, budget=Budget(evaluations=AT[-1]))
    assert result.best is not None
    return best_so_far(result.record), np.asarray(result.best.genome)


def _opponent(problem: Function, space: Space, cell: Cell) -> tuple[Any, NDArray[np.float64]]:
    points: list[NDArray[np.float64]] = []
    scores: list[float] = []

    def value(point: list[float]) -> float:
        points.append(np.array(point))
        [outcome] = problem.evaluate(points[-1:], None, len(points))
        scores.append(outcome.fitness)
        return -outcome.fitness

    minimized(cell["method"], value, len(space), (0.0, 1.0), AT[-1], cell["seed"])
    return scores, points[int(np.argmax(scores))]


def _last(row: Row) -> Any:
    return row.found["best"][-1]


METHODS = ("taught", "framed", "recombination", "hill", "cma", "random", "tpe")
STUDY = Study(
    "transfer",
    {
        "task": Axis(("svm-pima", "svm-vehicle", "cartpole", "acrobot"), quick=("svm-pima",)),
        "method": Axis(
            METHODS,
            quick=tuple(name for name in METHODS if name not in MODELS),
            titles={name: {**TITLES, **OPPONENTS}[name] for name in METHODS},
            versions={"taught": 4},
        ),
        "seed": Axis(range(3), quick=range(1)),
    },
    measure,
    (
        *(Column(f"after {at}", lambda row, i=i: row.found["best"][i]) for i, at in enumerate(AT)),  # type: ignore[misc]
        Column("sd", _last, spread),
        Column("in new episodes", lambda row: row.found.get("fresh")),
        RUNS,
        Column("seconds", "seconds", form=".0f"),
    ),
    folder=RESULTS,
    about=__doc__,
)


def main() -> int:
    """Run the study; ``--device`` computes a model's answers in this process."""
    parser = STUDY.parser()
    adapters.add(parser, folder=False)
    said = parser.parse_args()
    return replace(STUDY, measure=partial(measure, device=said.device, dtype=said.dtype)).go(said)


if __name__ == "__main__":
    sys.exit(main())
