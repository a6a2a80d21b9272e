"""How long a search is: generations, children, and the tokens that they are scored on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from evollm.algorithms.duplicates import Distinct
from evollm.algorithms.races import Rung, one_plus_lambda
from evollm.checks import at_least, nearest, positive
from evollm.errors import EvollmError
from evollm.search.flow import Flow
from operators.levels import KnownLevels
from problems.compression.kinds.depth import Depth
from problems.compression.kinds.space import Kind, Space
from problems.compression.layout import Genome

Preset: TypeAlias = Literal["quick", "super-fast", "paper"]
Stages: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Schedule:
    """How long a search is.

    Attributes:
        generations: Number of generations by default.
        offspring: Different children per generation.
        stages: Tokens and number of survivors of each stage of selection; the parent joins the last
            one.
        starts: Random first genomes, where the start is not the uniform one.
        start_tokens: Tokens on which these are scored.
        pool: Tokens of text to draw from.
        window: Tokens of each piece of it.
        informed: Whether what rules choose that take seconds competes with the first genomes.
    """

    generations: int
    offspring: int
    stages: Stages
    starts: int = 16
    start_tokens: int = 2048
    pool: int = 524_288
    window: int = 512
    informed: bool = False

    def __post_init__(self) -> None:
        positive(offspring=self.offspring, starts=self.starts, window=self.window)
        at_least(2, self, "start_tokens", "pool", "window")
        keeps = [keep for _, keep in self.stages]
        least = min((tokens for tokens, _ in self.stages), default=0)
        if least < 2 or keeps != sorted(keeps, reverse=True) or keeps[-1] != 1:
            raise EvollmError(
                "stages must each have at least 2 tokens, and keep fewer and fewer, at last 1, not "
                f"{written(self.stages)}"
            )
        if self.most > self.pool:
            raise EvollmError(
                f"pool must be at least the {self.most:,} tokens of a stage, not {self.pool:,}"
            )

    @property
    def most(self) -> int:
        """The most tokens that anything is scored on."""
        return max(self.start_tokens, *(tokens for tokens, _ in self.stages))

    def starting(self, space: Space) -> int:
        """Return how many first genomes are made: one if they would be the same."""
        return 1 if space.uniform is not None else self.starts

    def tokens(self, space: Space, generations: int) -> int:
        """Return the nominal tokens of a search: those of each scored candidate.

        Args:
            space: What is searched.
            generations: Number of generations after the start.
        """
        entrants = [self.offspring, *(keep for _, keep in self.stages)]
        entrants[len(self.stages) - 1] += 1
        each = sum(n * tokens for n, (tokens, _) in zip(entrants, self.stages, strict=False))
        return self.starting(space) * self.start_tokens + generations * each

    def flow(self, space: Space, seed: int, known: Sequence[Genome] = ()) -> Flow:
        """Return the search.

        Args:
            space: What is searched.
            seed: Fixes it.
            known: Genomes that compete with the first ones.
        """
        first = tuple(tuple(np.asarray(genome).tolist()) for genome in known)
        return one_plus_lambda(
            KnownLevels(first, space.start) if first else space.start,
            space.variation,
            offspring=self.offspring,
            seed=seed,
            rungs=[_rung(tokens, keep) for tokens, keep in self.stages],
            starts=self.starting(space) + len(first),
            start_rungs=[_rung(self.start_tokens, 1)],
            key=Distinct(key, scope=("generation", "living")),
        )


def key(genome: Genome) -> bytes:
    """Return what tells genomes apart."""
    return genome.tobytes()


def check_preset(preset: str) -> None:
    """Refuse a name that no schedule has.

    Raises:
        EvollmError: With the names that there are.
    """
    known = get_args(Preset)
    if preset not in known:
        raise EvollmError(f"there is no schedule '{preset}'{nearest(preset, known)}")


def schedule(preset: Preset, kind: Kind, blocks: int) -> Schedule:
    """Return a schedule by its name.

    Sieberling, Kuznedelev, Kurtic, Alistarh: EvoPress: Accurate Dynamic Model Compression via
    Evolutionary Search, ICML 2025, https://arxiv.org/abs/2410.14649.

    Args:
        preset: ``paper`` for the paper's schedule of the kind, which for what it has not is that of
            quantization; ``super-fast`` for the paper's shorter one; ``quick`` for minutes on a
            CPU.
        kind: What is compressed.
        blocks: Number of the model's blocks.

    Raises:
        EvollmError: If there is no such schedule.
    """
    check_preset(preset)
    if preset == "super-fast":
        return Schedule(400, 16, ((512, 1), (8192, 1)))
    depth = isinstance(kind, Depth)
    if preset == "quick":
        return Schedule(40 if depth else 30, 8, ((256, 2), (1024, 1)), 16, 1024, 16_384, 128, True)
    if isinstance(kind, Depth):
        gone = kind.dropped(blocks)
        generations = max(1, int(gone * (blocks - gone) / 1.5))
        return Schedule(generations, 32, ((2048, 2), (32_768, 1)), 64, pool=131_072)
    if kind.name == "sparsity":
        return Schedule(400, 64, ((2048, 8), (16_384, 2), (65_536, 1)))
    return Schedule(150, 128, ((2048, 16), (16_384, 4), (131_072, 1)), 32)


def stages_of(text: str) -> Stages:
    """Return stages from text such as ``2@256,1@1024``: how many survive, and on which tokens.

    Raises:
        EvollmError: If it is no such text.
    """
    found = re.findall(r"(\d+)@(\d+)(?:,|$)", text)
    stages = tuple((int(tokens), int(keep)) for keep, tokens in found)
    if not stages or written(stages) != text:
        raise EvollmError(
            "stages must be survivors and tokens such as 8@2048,1@16384, one pair for each stage, "
            f"not '{text}'"
        )
    return stages


def written(stages: Stages) -> str:
    """Return stages as text; see ``stages_of``."""
    return ",".join(f"{keep}@{tokens}" for tokens, keep in stages)


def changed(found: Schedule, **more: int | Stages | None) -> Schedule:
    """Return a schedule with other values, where they are not None."""
    given = {name: value for name, value in more.items() if value is not None}
    if "stages" in given or "start_tokens" in given:
        least = max(tokens for tokens, _ in given.get("stages", found.stages))  # type: ignore[union-attr]
        given.setdefault("pool", max(found.pool, least))
    return replace(found, **given)  # type: ignore[arg-type]


def _rung(tokens: int, keep: int) -> Rung:
    return Rung(tokens, keep, f"{tokens:,} tokens")
