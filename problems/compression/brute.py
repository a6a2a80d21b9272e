"""Whether the search finds what brute force finds: ``python -m problems.compression.brute``.

All ways to drop a few whole blocks are scored on fixed text, and then the search is run on the same
text with several seeds.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb
from typing import ClassVar

import numpy as np

from evollm import Budget, EvollmError, run
from evollm.checks import positive
from evollm.cli.options import Aliases, Parser, add, build, given, option
from evollm.types import Outcome
from problems.compression.evaluation.divergence import Metric
from problems.compression.fitness import CompressedModel
from problems.compression.kinds import Depth
from problems.compression.layout import Genome
from problems.compression.loaded import model_of
from problems.compression.schedules import Schedule, key
from problems.compression.texts import TextSettings
from problems.lm.settings import LMSettings

MOST = 100_000
"""Maximum number of ways that are scored."""


@dataclass(frozen=True)
class Options:
    """What is tried.

    Attributes:
        model: Name of the model; none for the offline model.
        dropped: Number of whole blocks that are dropped.
        tokens: Tokens that every way is scored on.
        window: Tokens of each piece of text.
        seeds: Number of searches.
        generations: Maximum number of generations of each.
        offspring: Different children per generation.
        metric: What is minimised.
        text: What is scored on.
        lm: How the model is loaded.
    """

    model: str | None = option(None, metavar="NAME")
    dropped: int = 2
    tokens: int = 512
    window: int = 128
    seeds: int = 3
    generations: int = 60
    offspring: int = 8
    metric: Metric = "kl"
    text: TextSettings = field(default_factory=TextSettings)
    lm: LMSettings = field(default_factory=LMSettings)

    aliases: ClassVar[Aliases] = {"text": "", "lm": ""}

    def __post_init__(self) -> None:
        positive(dropped=self.dropped, seeds=self.seeds, generations=self.generations)


@dataclass(frozen=True)
class Known:
    """Looks scores up.

    Attributes:
        fitness: By the key of a genome.
    """

    fitness: Mapping[bytes, float] = field(metadata={"parameter": False})

    def evaluate(
        self, genomes: Sequence[Genome], fidelity: int | None, seed: int
    ) -> Iterator[Outcome]:
        """Yield what is known of each genome."""
        for genome in genomes:
            yield Outcome(self.fitness[key(genome)])


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        seed: Its seed.
        dropped: The blocks that its last parent lacks.
        divergence: The parent's score.
        generation: The generation in which it was made.
        scored: Number of scored candidates until then.
    """

    seed: int
    dropped: tuple[int, ...]
    divergence: float
    generation: int
    scored: int


def table(problem: CompressedModel) -> dict[tuple[int, ...], float]:
    """Score all ways to drop the blocks, on all of the pool.

    Args:
        problem: Of whole blocks.

    Returns:
        Of each way the score, smaller being better.

    Raises:
        EvollmError: If there are too many.
    """
    layout, budget = problem.space.layout, problem.space.budget
    gone = len(layout) - round(budget / layout.units[0].costs[-1])
    if comb(len(layout), gone) > MOST:
        raise EvollmError(
            f"there are {comb(len(layout), gone):,} ways to drop {gone} of {len(layout)} blocks: "
            "drop fewer"
        )
    ways = list(combinations(range(len(layout)), gone))
    genomes = [_genome(len(layout), way) for way in ways]
    outcomes = problem.evaluate(genomes, None, 0)
    return {way: -outcome.fitness for way, outcome in zip(ways, outcomes, strict=True)}


def searched(
    problem: CompressedModel, known: Mapping[tuple[int, ...], float], options: Options, seed: int
) -> Found:
    """Run the search with scores that are known.

    Args:
        problem: What was scored.
        known: The score of each way.
        options: How long the search is.
        seed: Of the search.
    """
    blocks = len(problem.space.layout)
    long = Schedule(
        options.generations, options.offspring, ((options.tokens, 1),), 1, 2, options.tokens
    )
    look_up = Known({key(_genome(blocks, way)): -score for way, score in known.items()})
    budget = Budget(generations=options.generations)
    result = run(long.flow(problem.space, seed), look_up, budget=budget)
    assert result.best is not None
    dropped = tuple(np.flatnonzero(np.asarray(result.best.genome) == 0).tolist())
    made = result.best.candidate
    scored = 1 + made.step * (options.offspring + 1)
    return Found(seed, dropped, known[dropped], made.step, scored)


def problem_of(options: Options) -> CompressedModel:
    """Return what scores whole blocks.

    Raises:
        EvollmError: If the model has too few blocks.
    """
    blocks = len(model_of(options.model, options.lm)[1])
    if not options.dropped < blocks:
        raise EvollmError(f"dropped must be less than the {blocks} blocks, not {options.dropped}")
    return CompressedModel(
        options.model,
        Depth(options.dropped / blocks, whole_blocks=True),
        options.metric,
        options.text,
        options.tokens,
        options.window,
        lm=options.lm,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and print what was found; return 0 if every search found the best way."""
    parser = Parser("python -m problems.compression.brute", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add(parser, Options, "options")
    try:
        return _compare(build(Options, given(parser.parse_args(arguments), Options)))
    except EvollmError as error:
        print(f"evollm: {error}", file=sys.stderr)
        return 1


def _compare(options: Options) -> int:
    problem = problem_of(options)
    problem.space.check(options.offspring)
    known = table(problem)
    ranked = sorted(known, key=lambda way: known[way])
    print(f"{len(known):,} ways to drop {options.dropped} blocks, on {options.tokens:,} tokens")
    for place, way in enumerate(ranked[:3], 1):
        print(f"{place}. {_text(way)}: {known[way]:.6f} nats per token")
    found = [searched(problem, known, options, seed) for seed in range(options.seeds)]
    for one in found:
        print(
            f"seed {one.seed}: {_text(one.dropped)} in generation {one.generation}, after at most "
            f"{one.scored} candidates; rank {ranked.index(one.dropped) + 1}"
        )
    return int(any(one.dropped != ranked[0] for one in found))


def _genome(blocks: int, dropped: Sequence[int]) -> Genome:
    genome = np.ones(blocks, np.int64)
    genome[list(dropped)] = 0
    return genome


def _text(way: Sequence[int]) -> str:
    return "blocks " + ", ".join(map(str, way))


if __name__ == "__main__":
    sys.exit(main())
