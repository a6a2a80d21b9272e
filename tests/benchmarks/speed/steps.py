"""How long one search waits for the offline model in a generation, taught and untaught.

    python -m tests.benchmarks.speed.steps [--evaluations N]

Each choice is one search of our loop on Rosenbrock's function, alone at the server and without a
cache. A step is a request for the answers of one generation, without the evaluation of its points;
generations that are a quadratic step alone ask for nothing. The first request, which may start the
server, is left out.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import product
from statistics import mean, median

from evollm import Budget, run
from evollm.llm.client.settings import Settings
from evollm.llm.offline.model import offline
from problems.blackbox.bbob import bbob
from problems.blackbox.framed import Framed
from problems.blackbox.taught.adapters import FILE, as_taught
from tests.benchmarks.speed.timed import Timed


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every choice and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--evaluations", type=int, default=60, help="of each search (60)")
    said = parser.parse_args(arguments)
    figures = {}
    for dimension, taught in product((2, 5), (True, False)):
        name = f"{dimension}-d, {'taught' if taught else 'untaught'}"
        figures[name] = measure(dimension, taught, said.evaluations)
        print(f"{name}: {figures[name]}", flush=True)
    print(json.dumps(figures))


def measure(dimension: int, taught: bool, evaluations: int) -> dict[str, float]:
    """Run one search; return its steps, answers a step, and seconds a step."""
    plain = offline(settings=Settings(cache=None))
    model = Timed(plain.adapted([FILE]) if taught else plain)
    strategy = as_taught(Framed(), dimension) if taught else Framed()
    problem, space, _ = bbob("rosenbrock", dimension)
    run(strategy.flow(model, space, (), 0), problem, budget=Budget(evaluations))
    return {
        "steps": len(model.seconds),
        "answers_per_step": round(mean(model.answers), 1),
        "seconds_per_step": round(median(model.seconds[1:]), 2),
        "longest": round(max(model.seconds[1:]), 2),
    }


if __name__ == "__main__":
    main()
