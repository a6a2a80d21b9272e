"""Steps: the logits of the next tokens of many texts, whose prompts are read together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from problems.lm.forward import empty_cache, logits
from problems.lm.generation.holding import Held
from problems.lm.load import LM

if TYPE_CHECKING:
    from torch import Tensor

    from problems.lm.generation.decoding import Generated, Likely

CROWDED = 0.8
"""Rows that are done leave a batch once at most this share of it goes on: that copies the rest."""


@dataclass(slots=True)
class Row:
    """A continuation under way; ``done`` once it has ended."""

    place: tuple[int, int]
    prompt: tuple[int, ...]
    limit: int
    rng: np.random.Generator
    held: Held | None = None
    ids: list[int] = field(default_factory=list)
    likely: list[Likely] = field(default_factory=list)
    done: Generated | None = None


def steps(lm: LM, rows: list[Row]) -> Iterator[tuple[list[Row], Tensor]]:
    """Yield the rows that go on, with the logits of their next tokens; each gets one appended.

    Prompts that are the same are computed once.
    """
    import torch

    from problems.lm.generation.room import give_room

    index = {prompt: i for i, prompt in enumerate(dict.fromkeys(row.prompt for row in rows))}
    longest = max(len(row.prompt) + row.limit for row in rows)
    cache, found, mask = _read(lm, list(index), longest)
    if len(index) < len(rows):
        which = torch.tensor([index[row.prompt] for row in rows], device=lm.device)
        cache.batch_select_indices(which)
        found, mask = found[which], mask[which]
    give_room(cache, max(row.limit for row in rows))
    positions = mask.sum(1, keepdim=True)
    going = list(range(len(rows)))
    while True:
        active = [rows[i] for i in going]
        yield active, found[going, -1].float()
        going = [i for i in going if rows[i].done is None]
        if not going:
            return
        if len(going) <= CROWDED * len(rows):
            keep = torch.tensor(going, device=lm.device)
            cache.batch_select_indices(keep)
            mask, positions, rows = mask[keep], positions[keep], [rows[i] for i in going]
            going = list(range(len(rows)))
        ids = torch.tensor([[row.ids[-1]] for row in rows], device=lm.device)
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
        found = logits(lm, ids, mask=mask, positions=positions, cache=cache, last=1)
        positions = (positions + 1).clamp(max=lm.context - 1)  # rows that are done go on, too


def _read(lm: LM, prompts: Sequence[tuple[int, ...]], longest: int) -> tuple[Any, Tensor, Tensor]:
    """Return a cache with different prompts, their last logits, and which positions are real."""
    import torch

    cache, shared = _start(lm, prompts, longest)
    width = max(map(len, prompts)) - shared
    ids = torch.full((len(prompts), width), lm.pad, device=lm.device)
    mask = torch.ones((len(prompts), shared + width), dtype=torch.long, device=lm.device)
    for i, prompt in enumerate(prompts):
        own = prompt[shared:]
        ids[i, width - len(own) :] = torch.tensor(own, device=lm.device)
        mask[i, shared : shared + width - len(own)] = 0
    positions = (mask.cumsum(1) - 1).clamp(min=0)[:, shared:]
    found = logits(lm, ids, mask=mask, positions=positions, cache=cache, last=1)
    return cache, found, mask


def _start(lm: LM, prompts: Sequence[tuple[int, ...]], longest: int) -> tuple[Any, int]:
    """Return a cache with the tokens with which all prompts begin, computed once."""
    import torch

    cache = empty_cache(lm)
    first, last = min(prompts), max(prompts)
    most = min(map(len, prompts)) - 1
    same = (a == b for a, b in zip(first[:most], last[:most], strict=True))
    shared = next((i for i, equal in enumerate(same) if not equal), most)
    if shared == 0 or len(prompts) == 1 or _slides(lm, longest):
        return cache, 0
    logits(lm, torch.tensor([first[:shared]], device=lm.device), cache=cache, last=1)
    cache.batch_repeat_interleave(len(prompts))
    return cache, shared


def _slides(lm: LM, longest: int) -> bool:
    """Return whether a model may look back less far than to the start.

    It counts the padding between a shared start and the rest as distance, so nothing is shared.
    """
    window = getattr(lm.model.config.get_text_config(), "sliding_window", None)
    return window is not None and window < 2 * longest
