"""The candidates of a stage scored side by side; those that can't survive, only in part."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from problems.compression.evaluation.divergence import Metric, Reference, head_of
from problems.compression.evaluation.memory import TOGETHER, batch_tokens, states_held
from problems.compression.evaluation.stage import Batch, Sums, batches, complete
from problems.compression.evaluation.stitched import Stitched
from problems.compression.evaluation.teacher import Teacher
from problems.compression.evaluation.trie import Configs, Trie, outputs, sorted_alike
from problems.compression.layout import Genome

if TYPE_CHECKING:
    from torch import Tensor

REMEMBERED = 4
"""Stages whose complete scores are remembered."""


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
        batch: Tokens that are computed together; None for what suits the device and its memory.

    Attributes:
        computed: Blocks that were run so far, times their tokens.
    """

    def __init__(
        self, stitched: Stitched, teacher: Teacher | None = None, batch: int | None = None
    ) -> None:
        self.stitched = stitched
        self.head = teacher.head if teacher else head_of(stitched.blocks)
        self.teacher = teacher or Teacher(stitched, self.head)
        self.batch = batch or batch_tokens(stitched.blocks)
        self.computed = 0
        self._known: OrderedDict[object, dict[Configs, Sums]] = OrderedDict()

    def score(
        self,
        genomes: Sequence[Genome],
        windows: NDArray[np.int64],
        keep: int | None = None,
        metric: Metric = "kl",
        tokens: int | None = None,
    ) -> list[Score]:
        """Score candidates on the same windows; after that, the model has its own weights.

        Equal ones are computed once, and those that the latest stages scored on the same windows
        not at all.

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
        return [found[0] for found in self.scores(genomes, windows, (metric,), keep, tokens)]

    def scores(
        self,
        genomes: Sequence[Genome],
        windows: NDArray[np.int64],
        metrics: tuple[Metric, ...] = ("kl", "perplexity"),
        keep: int | None = None,
        tokens: int | None = None,
    ) -> list[tuple[Score, ...]]:
        """Score candidates by several metrics at once; the first says who survives.

        The arguments are those of ``score``.

        Returns:
            For each genome a score by each metric.
        """
        candidates = [tuple(self.stitched.layout.by_block(genome)) for genome in genomes]
        cut = batches(windows, tokens, self.batch)
        known = self._remembered((metrics, *(batch.ids.tobytes() for batch in cut)))
        sums = {one: known[one] if one in known else Sums(len(metrics)) for one in candidates}

        def advance(some: list[Configs], batch: Batch) -> None:
            self._advance({one: sums[one] for one in some}, batch, metrics)

        try:
            complete(sums, cut, len(sums) if keep is None else keep, advance)
        finally:
            self.stitched.restore()
        known |= {one: held for one, held in sums.items() if held.batches == len(cut)}
        return [tuple(_scores(sums[one], cut)) for one in candidates]

    def _remembered(self, key: object) -> dict[Configs, Sums]:
        """Return the complete sums on these windows."""
        found = self._known.setdefault(key, {})
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _advance(
        self, running: dict[Configs, Sums], batch: Batch, metrics: tuple[Metric, ...]
    ) -> None:
        """Run some candidates on a batch, as many at a time as the memory takes."""
        import torch

        candidates = [list(running)[index] for index in sorted_alike(list(running))]
        with torch.inference_mode():
            ids = torch.tensor(batch.ids, device=self.stitched.blocks.lm.device)
            reference = None
            if "kl" in metrics:
                kept = self.teacher.kept(batch.whole)[:, : batch.positions]
                reference = self.head.reference(kept.flatten(0, 1))
            most = min(TOGETHER, len(candidates))
            entries = {n: self.stitched.blocks.enter(ids.repeat(n, 1)) for n in range(1, most + 1)}
            step = states_held(self.stitched.blocks, ids.numel())
            for start in range(0, len(candidates), step):
                some = candidates[start : start + step]
                trie = Trie(some)
                self.computed += trie.size * ids.numel()
                states = outputs(self.stitched, trie, entries)
                values = self._values(states, reference, ids[:, 1:], metrics)
                for one, end in zip(some, trie.ends, strict=True):
                    running[one].add(values[:, end])

    def _values(
        self,
        states: list[Tensor],
        reference: Reference | None,
        targets: Tensor,
        metrics: tuple[Metric, ...],
    ) -> NDArray[np.float64]:
        """Return sums of shape ``(metrics, states, windows)``."""
        import torch

        found = []
        for start in range(0, len(states), TOGETHER):
            some = torch.stack(states[start : start + TOGETHER])[:, :, :-1]
            normed = self.stitched.blocks.leave(some).flatten(1, 2)
            values = self.head.values(normed, reference, targets.flatten(), metrics)
            by_window = torch.stack(values).double().view(len(metrics), len(some), len(targets), -1)
            found.append(by_window.sum(3).cpu().numpy())
        return np.concatenate(found, 1)


def _scores(sums: Sums, cut: Sequence[Batch]) -> list[Score]:
    """Return a score by each metric."""
    positions = sum(len(batch.ids) * batch.positions for batch in cut)
    tokens = sum(batch.ids.size for batch in cut[: sums.batches])
    bound = sums.batches < len(cut)
    return [Score(float(row.sum()) / positions, tokens, bound, row) for row in sums.windows]
