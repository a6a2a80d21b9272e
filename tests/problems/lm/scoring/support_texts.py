"""Texts of tiny models, models whose logits differ much, and scores computed one by one."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from problems.lm import LM

LABELS = (40, 7, 300)


def strong(lm: LM) -> LM:
    """A copy with larger weights: its logits are of the size of 1, and each token counts."""
    model = deepcopy(lm.model)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim == 2:
                weights.mul_(6)
    return replace(lm, model=model)


def texts(start: int = 12, count: int = 9, seed: int = 0, end: int = 3) -> list[tuple[int, ...]]:
    """Texts that share a start and an end of as many tokens, the middle being 1 to 20 tokens."""
    rng = np.random.default_rng(seed)
    first, last = (tuple(rng.integers(5, 290, size).tolist()) for size in (start, end))
    middles = [(290 + i, *rng.integers(5, 290, rng.integers(20)).tolist()) for i in range(count)]
    return [(*first, *middle, *last) for middle in middles]


def one_by_one(lm: LM, given: list[tuple[int, ...]]) -> NDArray[np.float32]:
    """The logits of ``LABELS`` by a pass for each text, at the mask of a masked model."""
    rows = []
    for text in given:
        place = text.index(lm.tokenizer.mask_token_id) if lm.masked else -1
        with torch.no_grad():
            rows.append(lm.model(torch.tensor([text])).logits[0, place, list(LABELS)].numpy())
    return np.array(rows)


def same(found: NDArray[np.float32], right: NDArray[np.float32]) -> bool:
    """Whether scores differ by rounding only."""
    return bool(np.abs(found - right).max() <= 1e-5 * max(1, np.abs(right).max()))
