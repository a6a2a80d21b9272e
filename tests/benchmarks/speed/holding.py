"""How fast a model writes decision trees, held to a grammar or not, taught or not.

    python -m tests.benchmarks.speed.holding --adapter FOLDER [--quick]

Each choice asks for the same children of LLEGO's operators on pima, at the server of the offline
model, untaught and with the adapter that ``evollm tune trees`` wrote. Generated tokens per second
count the whole time of the calls, with the reading of the prompts; valid trees per second are what
a search gets.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evollm import Individual
from evollm.llm.base import Completion, LanguageModel, Prompt, Sampling
from evollm.llm.connect import connect
from evollm.llm.offline.adapters import adapted, located
from operators.trees.context import TreeContext
from operators.trees.llego import DiverseMutation, GuidedCrossover
from problems.trees.data.samples import Samples
from problems.trees.data.tables import load, split
from problems.trees.llego import LLEGOSettings
from problems.trees.model.fitness import TreeFitness
from problems.trees.prompt_words import columns_of
from problems.trees.taught.adapters import TAUGHT
from problems.trees.teaching.searches import searched

CHOICES = {
    "untaught, grammar": (False, "grammar"),
    "untaught, free": (False, "none"),
    "taught, grammar": (True, "grammar"),
    "taught, free": (True, "none"),
}


@dataclass
class Timed:
    """A model whose time and generated tokens are counted."""

    model: LanguageModel
    seconds: float = 0.0
    tokens: int = 0
    asked: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling = Sampling(), n: int = 1
    ) -> list[list[Completion]]:
        """Ask the model."""
        began = time.perf_counter()
        found = self.model.complete(prompts, sampling, n)
        self.seconds += time.perf_counter() - began
        self.tokens += sum(one.completion_tokens for answers in found for one in answers)
        self.asked.append(len(prompts) * n)
        return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every choice and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--adapter", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--quick", action="store_true", help="fewer children")
    said = parser.parse_args(arguments)
    problem, parents = _parents()
    figures = {}
    for name, (taught, hold) in CHOICES.items():
        model = adapted(connect(), located(said.adapter)) if taught else connect()
        figures[name] = _measured(Timed(model), problem, parents, hold, 4 if said.quick else 16)
        print(f"{name}: {figures[name]}", flush=True)
    print(json.dumps(figures))


def _parents() -> tuple[TreeFitness, list[Individual[Any]]]:
    """Return the problem, and the first population of a search on it."""
    table = load("pima")
    parts = split(table, 0)
    train, valid = (Samples.of(table.X[one], table.y[one]) for one in (parts.train, parts.valid))
    problem = TreeFitness(columns_of(table, parts.train), train, valid, ("balanced_accuracy",))
    return problem, searched(problem, 3, 12, 0, np.random.default_rng(0)).populations[0]


def _measured(
    model: Timed, problem: TreeFitness, parents: list[Individual[Any]], hold: str, n: int
) -> dict[str, float]:
    settings = LLEGOSettings(max_depth=3, **{**TAUGHT, "hold": hold})
    asking = settings.asking(problem, model, TreeContext())
    operators = (GuidedCrossover(asking, settings.alpha), DiverseMutation(asking))
    rng, made, lost = np.random.default_rng(1), 0, 0
    operators[0].vary(parents[:4], 1, 0)  # loads the model
    model.seconds, model.tokens = 0.0, 0
    for seed in range(n // 2):
        for operator in operators:
            drawn = [parents[i] for i in rng.choice(len(parents), 4, replace=False)]
            found = operator.vary(drawn, 2, seed)
            made, lost = made + len(found.genomes), lost + sum(found.rejected.values())
    return {
        "generated_tokens_per_s": round(model.tokens / model.seconds, 1),
        "valid": round(made / max(1, made + lost), 3),
        "trees_per_s": round(made / model.seconds, 2),
        "answers": sum(model.asked),
    }


if __name__ == "__main__":
    main()
