"""The fitness of level vectors: how little a compressed model differs from the whole one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from evollm.types import JSON, Outcome
from problems.compression.evaluation.divergence import Metric
from problems.compression.kinds.depth import Depth
from problems.compression.kinds.space import Kind, Space
from problems.compression.layout import Genome
from problems.compression.levels.settings import LevelSettings
from problems.compression.loaded import Loaded, loaded
from problems.compression.texts import TextSettings, Windows
from problems.lm.settings import LMSettings

if TYPE_CHECKING:
    from problems.compression.evaluation.scorer import Score

HELD_OUT = 0
"""The fidelity of the closing job, which scores on all of the held-out text."""


@dataclass(frozen=True)
class CompressedModel:
    """Scores level vectors on windows of text.

    The fidelity is the number of tokens; which windows these are is drawn from the pool by the
    seed. The fitness is the negative mean divergence from the whole model per position, in nats, or
    the mean log-likelihood. The metrics are the ``bytes`` and, on held-out text, the ``kl`` and the
    ``perplexity``, there with the values of each window as ``info``. The cost is the number of
    tokens, whatever is computed or cut short.

    The model, the text and the levels are loaded once in each process; only these settings travel.

    Attributes:
        model: As ``problems.lm.load`` takes it; None for the offline model.
        kind: What is compressed, and how far.
        metric: What the fitness is: ``kl`` or ``perplexity``.
        text: What it is scored on.
        pool: Tokens of text to draw from.
        window: Tokens of each piece of it.
        levels: How levels are made.
        database: The folder of the levels; None for one in the cache.
        lm: How the model is loaded.
    """

    model: str | None = None
    kind: Kind = field(default_factory=Depth)
    metric: Metric = "kl"
    text: TextSettings = field(default_factory=TextSettings)
    pool: int = 16_384
    window: int = 128
    levels: LevelSettings = field(default_factory=LevelSettings)
    database: str | None = field(default=None, metadata={"parameter": False})
    lm: LMSettings = field(default_factory=LMSettings)
    cost_unit: ClassVar[str] = "tokens"

    def prepare(self) -> None:
        """Load the model and the text, and make the levels that are not there yet.

        Raises:
            EvollmError: If the settings do not suit the model, or the text is too short.
        """
        _ = self.loaded.scorer

    @property
    def loaded(self) -> Loaded:
        """The model and what belongs to it, loaded on first use."""
        return loaded(self)

    @property
    def space(self) -> Space:
        """What is searched."""
        return self.loaded.space

    def evaluate(
        self,
        genomes: Sequence[Genome],
        fidelity: int | None,
        seed: int,
        context: Mapping[str, JSON] | None = None,
    ) -> Iterator[Outcome]:
        """Yield the outcomes of a stage.

        Args:
            genomes: The candidates; they are scored side by side.
            fidelity: Number of tokens; ``HELD_OUT`` for all of the held-out text. With None, or at
                least as many as there are, all of the pool is used, always the same.
            seed: Which windows of the pool.
            context: Of which ``keep`` is how many will survive; those that can't are cut short.
        """
        if not genomes:
            return
        if fidelity == HELD_OUT:
            yield from self._measured(genomes)
            return
        keep = (context or {}).get("keep")
        windows, tokens = self._drawn(fidelity, seed)
        scores = self.loaded.scores(genomes, windows, (self.metric,), keep, tokens)
        for genome, [score] in zip(genomes, scores, strict=True):
            bytes_ = {"bytes": float(self.space.layout.cost(genome))}
            yield Outcome(-score.mean, bytes_, cost=tokens, bound=score.bound)

    def _drawn(self, fidelity: int | None, seed: int) -> tuple[Windows, int]:
        """Return windows of the pool, and how many of their tokens are used."""
        pool = self.loaded.pool
        tokens = pool.size if fidelity is None else fidelity
        if tokens >= pool.size:
            return pool, pool.size
        order = np.random.default_rng(seed).permutation(len(pool))
        return pool[order[: -(-tokens // pool.shape[1])]], tokens

    def _measured(self, genomes: Sequence[Genome]) -> Iterator[Outcome]:
        """Yield outcomes on the held-out text, with both metrics."""
        windows = self.loaded.held_out
        scores = self.loaded.scores(genomes, windows, ("kl", "perplexity"))
        for genome, (kl, nll) in zip(genomes, scores, strict=True):
            metrics = {
                "bytes": float(self.space.layout.cost(genome)),
                "kl": kl.mean,
                "perplexity": exp(min(nll.mean, 700)),
            }
            positions = windows.shape[1] - 1
            info = {"kl": _each(kl, positions), "log_perplexity": _each(nll, positions)}
            fitness = -(kl if self.metric == "kl" else nll).mean
            yield Outcome(fitness, metrics, info=info, cost=windows.size)


def _each(score: Score, positions: int) -> list[float]:
    return [round(float(total) / positions, 6) for total in score.windows]
