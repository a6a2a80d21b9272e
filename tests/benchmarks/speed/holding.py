"""How fast a model writes decision trees, held to a grammar or not, taught or not.

    python -m tests.benchmarks.speed.holding [--adapter FOLDER] [--dtype NAME] [--quick]

Each choice asks for the same children of LLEGO's operators on pima, at the server of the offline
model and in this process, untaught and with the adapter that ``evollm tune trees`` wrote. A
generation's twelve operators wait at once, as in a search. Generated tokens per second count the
whole time, with the reading of the prompts; valid trees per second are what a search gets.
"""

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from evollm import Individual
from evollm.types import Offspring
from operators.trees.context import TreeContext
from operators.trees.genome import Tree
from operators.trees.llego import DiverseMutation, GuidedCrossover
from problems.trees.llego import LLEGOSettings
from problems.trees.model.fitness import TreeFitness
from problems.trees.taught.adapters import FILE, TAUGHT
from problems.trees.teaching.searches import searched
from tests.benchmarks.speed.timed import Timed
from tests.benchmarks.studies.adapters import connected
from tests.benchmarks.studies.llego import problem_of

PLACES = ("server", "this process")
WAITING = 12
"""Operators that wait at once: those of a generation of 24 children."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every choice and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    text = "rather than that of the package"
    parser.add_argument("--adapter", type=Path, default=FILE, metavar="FOLDER", help=text)
    parser.add_argument("--dtype", default="bfloat16", help="precision in this process (bfloat16)")
    parser.add_argument("--quick", action="store_true", help="fewer children")
    said = parser.parse_args(arguments)
    problem, _ = problem_of({"data": "pima", "seed": 0})
    parents = searched(problem, 3, 12, 0, np.random.default_rng(0)).populations[0]
    rounds, figures = 1 if said.quick else 4, {}
    for place, adapter, hold in product(PLACES, (None, said.adapter), ("grammar", "none")):
        name = f"{place}, {'taught' if adapter else 'untaught'}, {hold}"
        model = connected(adapter, "cpu" if place == PLACES[1] else None, said.dtype)
        figures[name] = _measured(Timed(model), problem, parents, hold, rounds)
        print(f"{name}: {figures[name]}", flush=True)
    print(json.dumps(figures))


def _measured(
    model: Timed, problem: TreeFitness, parents: list[Individual[Any]], hold: str, rounds: int
) -> dict[str, float]:
    settings = LLEGOSettings(max_depth=3, **{**TAUGHT, "hold": hold, "tau": inf})
    asking = settings.asking(problem, model, TreeContext())
    operators = (GuidedCrossover(asking, settings.alpha), DiverseMutation(asking, inf))
    rng = np.random.default_rng(1)
    operators[0].vary(parents[:4], 1, 0)  # loads the model
    model.tokens.clear()

    def asked(i: int, drawn: list[Individual[Any]]) -> Offspring[Tree]:
        return operators[i % 2].vary(drawn, 2, i)

    made, lost, began = 0, 0, time.perf_counter()
    with ThreadPoolExecutor(WAITING) as pool:
        for start in range(0, rounds * WAITING, WAITING):
            drawn = [list(rng.choice(len(parents), 4, replace=False)) for _ in range(WAITING)]
            each = [[parents[i] for i in places] for places in drawn]
            for found in pool.map(asked, range(start, start + WAITING), each):
                made, lost = made + len(found.genomes), lost + sum(found.rejected.values())
    seconds = time.perf_counter() - began
    return {
        "generated_tokens_per_s": round(sum(model.tokens) / seconds, 1),
        "valid": round(made / max(1, made + lost), 3),
        "trees_per_s": round(made / seconds, 2),
    }


if __name__ == "__main__":
    main()
