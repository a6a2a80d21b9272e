"""What the engine costs an evaluation beside DEAP and pymoo.

``python -m tests.benchmarks.speed.engine [--quick]``. OneMax with 100 bits and a population of 300,
tournaments of 3, two-point crossover and bit flips for every child: DEAP's ``eaSimple``, pymoo's
GA, and our generational search, which is recorded as any run is (here in a file on disk): once with
all children of a generation as one job, for the operators work on whole arrays, and once with a job
for every pair, as one writes it first. All are timed in turn, several times; the ratios are medians
of the paired ratios. The memory's growth is our run's over 100,000 evaluations, of which the first
fifth is taken as the warm-up.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from deap import algorithms, base, tools

from evollm import Budget, Outcome, run
from evollm.algorithms import Mating, generational
from evollm.algorithms.selection import tournament
from operators.compose import Chain
from operators.masks import FlipBits, PointCrossover, RandomMasks

BITS, SIZE = 100, 300
MEMORY_EVALUATIONS = 100_000


@dataclass(frozen=True)
class OneMax:
    """How many bits are set."""

    elementwise = True

    def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
        """Score the masks one by one, as DEAP does."""
        return [Outcome(int(genome.sum())) for genome in genomes]


def ours(generations: int, path: Path, brood: int = SIZE) -> int:
    """Run our search on record, so many children a job; return its evaluations."""
    variation = Chain([PointCrossover(2), FlipBits(0.05)])
    flow = generational(
        RandomMasks(BITS),
        Mating(variation, tournament(3), arity=brood, brood=brood),
        size=SIZE,
        seed=1,
    )
    found = run(flow, OneMax(), budget=Budget(generations=generations), path=path)
    return found.usage.evaluations


class Fitness(base.Fitness):
    """DEAP's fitness, to be made large."""

    weights = (1.0,)


class Bits(list[int]):
    """DEAP's individual."""

    def __init__(self, values: Any) -> None:
        super().__init__(values)
        self.fitness = Fitness()


def deap(generations: int, path: Path) -> int:
    """Run DEAP's ``eaSimple``, every child crossed and mutated; return its evaluations."""
    random.seed(1)
    toolbox = base.Toolbox()
    toolbox.register("evaluate", lambda one: (sum(one),))
    toolbox.register("mate", tools.cxTwoPoint)
    toolbox.register("mutate", tools.mutFlipBit, indpb=0.05)
    toolbox.register("select", tools.selTournament, tournsize=3)
    population = [Bits([random.randint(0, 1) for _ in range(BITS)]) for _ in range(SIZE)]
    _, log = algorithms.eaSimple(population, toolbox, 1.0, 1.0, generations, verbose=False)
    return int(sum(log.select("nevals")))


def pymoo(generations: int, path: Path) -> int:
    """Run pymoo's GA; return its evaluations."""
    from pymoo.algorithms.soo.nonconvex.ga import GA
    from pymoo.core.problem import ElementwiseProblem
    from pymoo.operators.crossover.pntx import TwoPointCrossover
    from pymoo.operators.mutation.bitflip import BitflipMutation
    from pymoo.operators.sampling.rnd import BinaryRandomSampling
    from pymoo.optimize import minimize

    class Problem(ElementwiseProblem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_var=BITS, n_obj=1, xl=0, xu=1, vtype=bool)

        def _evaluate(self, x: Any, out: Any, *more: Any, **named: Any) -> None:
            out["F"] = -int(x.sum())

    algorithm = GA(
        pop_size=SIZE,
        sampling=BinaryRandomSampling(),
        crossover=TwoPointCrossover(prob=1.0),
        mutation=BitflipMutation(prob=1.0, prob_var=0.05),
        eliminate_duplicates=False,
    )
    found = minimize(Problem(), algorithm, ("n_gen", generations + 1), seed=1)
    return int(found.algorithm.evaluator.n_eval)


def microseconds(work: Callable[[int, Path], int], generations: int) -> float:
    """Return the time of one evaluation."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        evaluations = work(generations, Path(folder))
        return 1e6 * (time.perf_counter() - begun) / evaluations


def memory_growth(evaluations: int) -> float:
    """Return the MiB that our run's process grows by, in a process of its own."""
    code = f"from tests.benchmarks.speed.engine import growth; print(growth({evaluations}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def growth(evaluations: int) -> float:
    """Return how much the resident memory grows from a fifth of the way to the end, in MiB."""
    seen: list[float] = []

    def watch(under_way: Any, individual: Any) -> None:
        done = under_way.usage.evaluations
        if (not seen and done >= evaluations // 5) or done == evaluations:
            seen.append(_resident())

    variation = Chain([PointCrossover(2), FlipBits(0.05)])
    flow = generational(
        RandomMasks(BITS),
        Mating(variation, tournament(3), arity=SIZE, brood=SIZE),
        size=SIZE,
        seed=1,
    )
    with tempfile.TemporaryDirectory() as folder:
        run(flow, OneMax(), budget=Budget(evaluations), path=folder, callbacks=[watch])
    return seen[-1] - seen[0]


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main() -> None:
    """Time the three in turn; print the ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats and generations")
    quick = parser.parse_args().quick
    generations, repeats = (15, 3) if quick else (40, 7)
    times: dict[str, list[float]] = {"ours": [], "pairs": [], "deap": [], "pymoo": []}
    pairs = partial(ours, brood=2)
    for _ in range(repeats):
        for name, work in (("ours", ours), ("pairs", pairs), ("deap", deap), ("pymoo", pymoo)):
            times[name].append(microseconds(work, generations))
    for name, found in times.items():
        print(f"{name:<6} {statistics.median(found):6.1f} us an evaluation")
    grown = memory_growth(MEMORY_EVALUATIONS)
    ratios = {f"ratio_to_{name}": _ratio(times["ours"], times[name]) for name in ("deap", "pymoo")}
    ratios["pairs_ratio_to_deap"] = _ratio(times["pairs"], times["deap"])
    print(json.dumps(ratios | {"memory_growth_mb": round(grown, 1)}))


def _ratio(one: list[float], other: list[float]) -> float:
    return round(float(np.median(np.array(one) / np.array(other))), 2)


if __name__ == "__main__":
    main()
