"""Passes through a model that give the logits at positions of texts, and compute little twice.

Texts that begin with the same tokens are computed in two passes: their common start, whose keys and
values are kept, and the rests, several of which lie in one row, each seeing the start and itself.
Where a model can't do that, each text is a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evollm.checks import positive
from evollm.errors import EvollmError
from problems.lm.forward import empty_cache, logits
from problems.lm.load import LM
from problems.lm.scoring.head import close
from problems.lm.scoring.layout import Batch, Ids, batches, shared

if TYPE_CHECKING:
    from torch import Tensor

ROW = 128
"""Tokens in a row of several texts: fewer cost more copies of the start, more cost attention."""
HERE, ELSEWHERE = 1024, 16384
"""Positions computed together on a CPU, whose caches larger arrays leave, and on other devices."""
LAUNCH = 5e12
"""Operations that a graphics card does in the time of launching one more pass's kernels."""
LOGITS = 1 << 28
"""Most logits that are held at a time."""


class Passes:
    """Logits at positions of texts.

    Attributes:
        lm: The model.
        computed: Number of tokens computed so far, without padding.
        padded: Number of positions computed so far that hold no token.
    """

    def __init__(self, lm: LM, batch_tokens: int | None = None) -> None:
        """Prepare.

        Args:
            lm: The model.
            batch_tokens: Positions that are computed together; none for what suits the device.

        Raises:
            EvollmError: If the number is not positive.
        """
        positive(batch_tokens=batch_tokens)
        self.lm = lm
        self.computed = 0
        self.padded = 0
        most = batch_tokens or (HERE if lm.device.type == "cpu" else ELSEWHERE)
        self._most = max(1, min(most, LOGITS // lm.vocabulary))

    def logits(
        self, texts: Sequence[Ids], wanted: Sequence[Sequence[int]]
    ) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Yield logits, some texts at a time.

        Args:
            texts: Complete ids.
            wanted: For each text the positions whose logits are wanted; what all texts begin with
                is computed once if the positions are behind it.

        Yields:
            For each position the index of its text, rising, and the logits of shape
            ``(positions, vocabulary)``.

        Raises:
            EvollmError: If a text is empty or longer than the context.
        """
        self._check(texts)
        start = min([shared(texts), *(position for row in wanted for position in row)])
        if not (start and self._pays(start * len(texts)) and self._reaches(texts)):
            start = 0
        cache = self._begin(texts[0][:start]) if start else None
        self.computed += start
        for batch in batches(texts, start, ROW if start else 0, self._most, self.lm.pad):
            self.padded += batch.padded
            self.computed += batch.ids.size - batch.padded
            owners, rows, columns = batch.find(wanted)
            yield owners, self._pass(batch, rows, columns, start, cache)

    def _pays(self, tokens: int) -> bool:
        """Return whether another pass takes less time than computing so many tokens again."""
        if self.lm.device.type == "cpu":
            return True
        return bool(2 * self.lm.model.num_parameters() * tokens > LAUNCH)

    def _reaches(self, texts: Sequence[Ids]) -> bool:
        return max(map(len, texts)) <= self._reach

    def _check(self, texts: Sequence[Ids]) -> None:
        for text in texts:
            if not 0 < len(text) <= self.lm.context:
                raise EvollmError(
                    f"a text has {len(text)} tokens, and {self.lm.name} takes 1 to "
                    f"{self.lm.context}: shorten the prompt or the example"
                )

    @cached_property
    def _reach(self) -> int:
        """Length of the longest texts whose start can be shared, 0 if a trial shows that none can.

        Families whose attention does not take a mask of four dimensions, or which keep more than
        keys and values, can't.
        """
        if self.lm.masked or self.lm.model.config._attn_implementation not in ("sdpa", "eager"):
            return 0
        rng = np.random.default_rng(0)
        drawn = rng.integers(len(_table(self.lm)), size=14).tolist()
        start = drawn[:5]
        texts = [start + rest for rest in (drawn[5:8], drawn[8:12], drawn[12:])]
        try:
            cache = self._begin(start)
            together, alone = (
                self._pass(batch, batch.rows, batch.ends, begin, known)
                for begin, known in ((5, cache), (0, None))
                for batch in batches(texts, begin, begin and ROW, ROW, self.lm.pad)
            )
        except Exception:  # whatever a family raises that does not take these arguments
            return 0
        return _span(self.lm, cache) if close(self.lm, alone, together) else 0

    def _begin(self, ids: Ids) -> Any:
        """Return a cache that holds a start."""
        cache = empty_cache(self.lm)
        logits(self.lm, self._tensor([ids]), cache=cache, last=1)
        return cache

    def _pass(
        self, batch: Batch, rows: NDArray[Any], columns: NDArray[Any], start: int, cache: Any
    ) -> Tensor:
        """Return the logits at places of a batch, behind a start or without one."""
        at = np.unique(columns)
        given: dict[str, Any] = {"at": self._tensor(at)}
        if cache is not None:
            given |= {
                "cache": _spread(cache, len(batch.ids)),
                "positions": self._tensor(batch.positions),
                "mask": self._bias(batch.sees(start)),
            }
        elif self.lm.masked:
            given["mask"] = self._tensor(batch.owners >= 0).long()
        found = logits(self.lm, self._tensor(batch.ids), **given)
        return found[self._tensor(rows), self._tensor(np.searchsorted(at, columns))]

    def _bias(self, sees: NDArray[np.bool_]) -> Tensor:
        """Return what is added to the scores of attention: nothing, or all but minus infinity."""
        import torch

        lowest = torch.finfo(self.lm.dtype).min
        hidden = self._tensor(~sees[:, None])
        return torch.zeros_like(hidden, dtype=self.lm.dtype).masked_fill_(hidden, lowest)

    def _tensor(self, values: Any) -> Tensor:
        import torch

        return torch.as_tensor(np.asarray(values), device=self.lm.device)


def _table(lm: LM) -> Any:
    return lm.model.get_input_embeddings().weight


def _spread(cache: Any, rows: int) -> Any:
    """Return a cache of one row as one of several, without copying what it holds."""
    made = copy(cache)
    made.layers = [copy(layer) for layer in cache.layers]
    for layer in made.layers:
        if layer.is_initialized:
            layer.keys = layer.keys.expand(rows, -1, -1, -1)
            layer.values = layer.values.expand(rows, -1, -1, -1)
    return made


def _span(lm: LM, cache: Any) -> int:
    """Return the length of texts up to which a model reads all of a text in the same way.

    Some look back for a window only, and some scale positions otherwise in a long text.
    """
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    if any(type(one) not in (DynamicLayer, DynamicSlidingWindowLayer) for one in cache.layers):
        return 0
    rope = getattr(lm.model.config.get_text_config(), "rope_parameters", None)
    spans: list[int] = [lm.context, *_scaled(rope)]
    return min(spans + [int(one.sliding_window) for one in cache.layers if one.is_sliding])


def _scaled(rope: Any) -> Iterator[int]:
    """Yield the lengths from which positions are scaled otherwise."""
    if isinstance(rope, dict):
        if rope.get("rope_type") == "longrope":
            yield int(rope["original_max_position_embeddings"])
        for one in rope.values():
            yield from _scaled(one)
