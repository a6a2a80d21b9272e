"""The candidates of a stage scored side by side, those that can't survive only in part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from problems.compression.evaluation.divergence import Metric, divergences, surprises
from problems.compression.evaluation.stitched import Stitched
from problems.compression.evaluation.teacher import Teacher
from problems.compression.evaluation.trie import Configs, outputs
from problems.compression.layout import Genome

if TYPE_CHECKING:
    from torch import Tensor

SLACK = 1e-5
"""What rounding may add to a position's divergence."""


@dataclass(frozen=True)
class Score:
    """How a candidate did on windows of text.

    Attributes:
        mean: Per position, in nats: the divergence from the whole model, or the negative
            log-likelihood, whose exp is the perplexity. If ``bound``, the true one is larger.
        tokens: How many were really processed.
        bound: Whether it was stopped, as it could not be among those that are kept.
        windows: Sums over the positions of each window that was processed.
    """

    mean: float
    tokens: int
    bound: bool = False
    windows: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), repr=False)


class Scorer:
    """Scores candidates on windows of text.

    Args:
        stitched: The model.
        teacher: What the whole model says; None for a new one.
        batch: Tokens that are computed together.
    """

    def __init__(
        self, stitched: Stitched, teacher: Teacher | None = None, batch: int = 512
    ) -> None:
        self.stitched = stitched
        self.teacher = teacher or Teacher(stitched)
        self.batch = batch

    def score(
        self,
        genomes: Sequence[Genome],
        windows: NDArray[np.int64],
        keep: int | None = None,
        metric: Metric = "kl",
        tokens: int | None = None,
    ) -> list[Score]:
        """Score candidates on the same windows; equal ones are computed once.

        Args:
            genomes: The candidates.
            windows: Ids of shape ``(rows, length)``; the last position of each is not scored.
            keep: How many will survive; those that can't are stopped, which changes none of the
                survivors. None to score all in full.
            metric: What is summed.
            tokens: How many to use; the last window is cut to that end. None for all.

        Returns:
            A score for each genome.
        """
        blocks = [tuple(self.stitched.layout.by_block(genome)) for genome in genomes]
        distinct = list(dict.fromkeys(blocks))
        stage = _Stage(self, distinct, _batches(windows, tokens, self.batch), metric)
        stage.run(min(keep or len(distinct), len(distinct)))
        scores = dict(zip(distinct, stage.scores(), strict=True))
        return [scores[configs] for configs in blocks]


class _Stage:
    """Sums of candidates by window, as far as they are computed."""

    def __init__(
        self,
        scorer: Scorer,
        candidates: list[Configs],
        batches: list[NDArray[np.int64]],
        metric: Metric,
    ) -> None:
        self.scorer, self.candidates = scorer, candidates
        self.batches, self.metric = batches, metric
        self.sums: list[list[NDArray[np.float64]]] = [[] for _ in candidates]

    def run(self, keep: int) -> None:
        """Complete the best after the first batch, then the others while they may survive."""
        everyone = list(range(len(self.candidates)))
        self._advance(everyone, 0)
        first = sorted(everyone, key=self._total)
        for batch in range(1, len(self.batches)):
            self._advance(first[:keep], batch)
        bar = max(self._total(index) for index in first[:keep])
        bar += SLACK * sum(rows.size for rows in self.batches)
        for batch in range(1, len(self.batches)):
            self._advance([i for i in first[keep:] if self._total(i) <= bar], batch)

    def scores(self) -> list[Score]:
        positions = sum(len(rows) * (rows.shape[1] - 1) for rows in self.batches)
        return [
            Score(
                self._total(index) / positions,
                sum(rows.size for rows in self.batches[: len(sums)]),
                len(sums) < len(self.batches),
                np.concatenate(sums),
            )
            for index, sums in enumerate(self.sums)
        ]

    def _total(self, index: int) -> float:
        return float(sum(sums.sum() for sums in self.sums[index]))

    def _advance(self, indices: list[int], batch: int) -> None:
        """Run some candidates on a batch."""
        import torch

        if not indices:
            return
        model, ids = self.scorer.stitched.blocks, self.batches[batch]
        with torch.inference_mode():
            whole = self.scorer.teacher.states(ids)
            teacher = model.head(whole[:, :-1]).float().log_softmax(-1)
            given = torch.tensor(ids, device=model.lm.device)
            entry = model.enter(given)
            found = outputs(self.scorer.stitched, [self.candidates[i] for i in indices], entry)
            for place, hidden in found:
                logits = model.head(model.leave(hidden[:, :-1]))
                values = self._values(logits, teacher, given[:, 1:])
                self.sums[indices[place]].append(values.double().sum(1).cpu().numpy())

    def _values(self, logits: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
        if self.metric == "kl":
            return divergences(teacher, logits)
        return surprises(logits, targets)


def _batches(windows: NDArray[np.int64], tokens: int | None, batch: int) -> list[NDArray[np.int64]]:
    """Cut windows into batches; a last window that is shorter is one of its own."""
    count, length = windows.shape
    tokens = count * length if tokens is None else tokens
    whole, rest = divmod(tokens, length)
    rows = max(1, batch // length)
    found = [windows[start : min(start + rows, whole)] for start in range(0, whole, rows)]
    return [*found, windows[whole : whole + 1, :rest]] if rest > 1 else found
