"""How busy Ray keeps its workers with short evaluations.

``python -m tests.benchmarks.speed.ray_workers [--quick]``. 10,000 evaluations of 1 ms of processor
time each, in generations of 1,000, on one replica per core. What the machine's cores could do is
measured in the same run: as many plain processes as there are cores do the same evaluations,
without any engine.
"""

import argparse
import json
import multiprocessing
import os
import time
from dataclasses import dataclass
from typing import Any

from evollm import Budget, Offspring, Outcome, run
from evollm.algorithms import Mating, generational
from evollm.executors import Ray

SECONDS, SIZE = 0.001, 1000


def busy(seconds: float) -> None:
    """Use so much processor time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@dataclass(frozen=True)
class Busy:
    """A problem that takes its time, one genome after the other."""

    elementwise = True

    def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
        """Score the genomes one by one."""
        return [self._score(genome) for genome in genomes]

    def _score(self, genome: float) -> Outcome:
        busy(SECONDS)
        return Outcome(genome)


@dataclass(frozen=True)
class Numbers:
    """Makes numbers."""

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[float]:
        """Return ``n`` numbers that depend on the seed."""
        return Offspring([float((seed + i) % 1009) for i in range(n)])


def ours(evaluations: int) -> float:
    """Return the seconds of a run on replicas that are up."""
    with Ray() as executor:
        _run(100, executor)
        begun = time.perf_counter()
        _run(evaluations, executor)
        return time.perf_counter() - begun


def _run(evaluations: int, executor: Ray) -> None:
    mating = Mating(Numbers(), arity=2, brood=SIZE)
    flow = generational(Numbers(), mating, size=min(SIZE, evaluations), seed=1)
    found = run(flow, Busy(), budget=Budget(evaluations), executor=executor)
    assert found.usage.evaluations == evaluations


def _plain(gate: Any, evaluations: int) -> None:
    gate.wait()
    for _ in range(evaluations):
        busy(SECONDS)


def ideal(evaluations: int, cores: int) -> float:
    """Return the seconds that plain processes take for as many evaluations."""
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(cores + 1)
    workers = [
        context.Process(target=_plain, args=(gate, evaluations // cores)) for _ in range(cores)
    ]
    for worker in workers:
        worker.start()
    gate.wait()
    begun = time.perf_counter()
    for worker in workers:
        worker.join()
    return time.perf_counter() - begun


def main() -> None:
    """Time both in turn; print the share as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once instead of three times")
    repeats = 1 if parser.parse_args().quick else 3
    cores = len(os.sched_getaffinity(0))
    evaluations = 10_000
    shares = []
    for _ in range(repeats):
        best = ideal(evaluations, cores)
        took = ours(evaluations)
        shares.append(best / took)
        print(f"plain processes {best:.2f} s, ours on Ray {took:.2f} s", flush=True)
    print(
        json.dumps({"share_of_ideal": round(sorted(shares)[len(shares) // 2], 3), "cores": cores})
    )


if __name__ == "__main__":
    main()
