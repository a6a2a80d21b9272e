"""Steps: the logits of the next tokens of many texts, whose prompts are read together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from problems.lm.forward import empty_cache, logits, takes
from problems.lm.generation.holding import Held
from problems.lm.load import LM

if TYPE_CHECKING:
    from torch import Tensor

    from problems.lm.generation.decoding import Generated, Likely

CROWDED = 0.8
"""Rows that are done leave a batch once at most this share of it goes on: that copies the rest."""
LIKE = 64
"""Prompts that begin with so many equal tokens, as those of one search do, are read together."""
WINDOWS = ("sliding_window", "attention_chunk_size", "window_size")
"""What configurations call how far a token looks back."""

Ids: TypeAlias = tuple[int, ...]


@dataclass(slots=True)
class Row:
    """A continuation under way; ``done`` once it has ended."""

    place: tuple[int, int]
    prompt: Ids
    limit: int
    rng: np.random.Generator
    held: Held | None = None
    ids: list[int] = field(default_factory=list)
    likely: list[Likely] = field(default_factory=list)
    done: Generated | None = None


def steps(lm: LM, rows: list[Row]) -> Iterator[tuple[list[Row], Tensor]]:
    """Yield the rows that go on, with the logits of their next tokens; each gets one appended.

    Prompts that are the same are computed once, and so is the start that the prompts of a search
    have in common.
    """
    import torch

    from problems.lm.generation.room import give_room

    groups = _alike(lm, {row.prompt for row in rows})
    index = {prompt: i for i, prompt in enumerate(chain.from_iterable(groups))}
    longest = max(len(row.prompt) + row.limit for row in rows)
    cache, found, mask = _joined([_read(lm, group, longest) for group in groups])
    places = [index[row.prompt] for row in rows]
    if places != list(range(len(index))):
        which = torch.tensor(places, device=lm.device)
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


def _alike(lm: LM, prompts: Iterable[Ids]) -> list[list[Ids]]:
    """Return prompts in groups; those of a group begin with ``LIKE`` equal tokens.

    Prompts like no other are the last group. There is a single group if a token does not look back
    to the start, as caches of such models can't be joined.
    """
    if _window(lm) is not None or not _placed(lm):
        return [sorted(prompts)]
    groups: list[list[Ids]] = []
    for prompt in sorted(prompts):
        if groups and _common(groups[-1][0], prompt) >= LIKE:
            groups[-1].append(prompt)
        else:
            groups.append([prompt])
    found = [group for group in groups if len(group) > 1]
    others = [prompt for group in groups if len(group) == 1 for prompt in group]
    return [*found, others] if others else found


def _common(first: Ids, last: Ids) -> int:
    """Return with how many tokens both begin."""
    same = (a == b for a, b in zip(first, last, strict=False))
    return next((i for i, equal in enumerate(same) if not equal), min(len(first), len(last)))


def _joined(parts: list[tuple[Any, Tensor, Tensor]]) -> tuple[Any, Tensor, Tensor]:
    """Join what was read in groups, with padding before the shorter ones."""
    import torch
    from torch.nn.functional import pad

    cache, found, mask = parts[0]
    if len(parts) == 1:
        return cache, found, mask
    width = max(mask.shape[1] for _, _, mask in parts)
    lacks = [width - mask.shape[1] for _, _, mask in parts]
    for i, layer in enumerate(cache.layers):
        for name in ("keys", "values"):
            each = [getattr(part.layers[i], name) for part, _, _ in parts]
            padded = [pad(one, (0, 0, less, 0)) for one, less in zip(each, lacks, strict=True)]
            setattr(layer, name, torch.cat(padded))
            for part, _, _ in parts[1:]:  # joined layers are not kept twice
                setattr(part.layers[i], name, None)
    mask = torch.cat([pad(one, (less, 0)) for (_, _, one), less in zip(parts, lacks, strict=True)])
    return cache, torch.cat([found for _, found, _ in parts]), mask


def _read(lm: LM, prompts: Sequence[Ids], longest: int) -> tuple[Any, Tensor, Tensor]:
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


def _start(lm: LM, prompts: Sequence[Ids], longest: int) -> tuple[Any, int]:
    """Return a cache with the tokens with which all prompts begin, computed once."""
    import torch

    cache = empty_cache(lm)
    first, last = min(prompts), max(prompts)
    shared = min(_common(first, last), min(map(len, prompts)) - 1)
    if shared == 0 or len(prompts) == 1 or _slides(lm, longest) or not _placed(lm):
        return cache, 0
    logits(lm, torch.tensor([first[:shared]], device=lm.device), cache=cache, last=1)
    cache.batch_repeat_interleave(len(prompts))
    return cache, shared


def _slides(lm: LM, longest: int) -> bool:
    """Return whether a model may look back less far than to the start.

    It counts the padding between a shared start and the rest as distance, so nothing is shared.
    """
    window = _window(lm)
    return window is not None and window < 2 * longest


def _window(lm: LM) -> int | None:
    config = lm.model.config.get_text_config()
    found = [getattr(config, name, None) for name in WINDOWS]
    return min((one for one in found if one is not None), default=None)


def _placed(lm: LM) -> bool:
    """Return whether a model is told the places of tokens, rather than counts those in its cache.

    One that counts would count the padding between a shared start and the rest.
    """
    return "position_ids" in takes(lm)
