"""Fitting: selects the columns in prompts for trees so that they fit into a model's context."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from evollm.errors import EvollmError
from evollm.llm.base import Prompt
from evollm.llm.client.contexts import count, most_tokens

Write = Callable[[Collection[int] | None], Sequence[Prompt]]
"""Returns a call's prompts with some or all of the columns."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Prompts that fit.

    Attributes:
        prompts: The prompts.
        shown: The columns that they show; None for all.
        room: Maximum number of tokens of an answer.
    """

    prompts: Sequence[Prompt]
    shown: frozenset[int] | None
    room: int


def fitted(
    model: Any, write: Write, ranked: Sequence[int], least: int, room: int, limit: int | None
) -> Fit:
    """Return prompts that leave room for their answers, with as many columns as fit.

    Args:
        model: The language model; its ``count_tokens`` is used if it has one.
        write: Returns the prompts.
        ranked: The columns in order of importance; empty if prompts show none, so that nothing can
            be omitted.
        least: How many of them must be shown.
        room: Requested tokens for an answer, limited to a quarter of the context.
        limit: Tokens of a prompt and its answer together; None for no limit.

    Raises:
        EvollmError: If even the shortest prompts are too long.
    """
    whole = write(None)
    if limit is None or max(map(most_tokens, whole)) + room <= limit:
        return Fit(whole, None, room)
    spare = min(room, limit // 4)

    def left(prompts: Sequence[Prompt]) -> int:
        return limit - max(count(model, prompts))

    if (rest := left(whole)) >= spare:
        return Fit(whole, None, min(room, rest))
    shown = _most(lambda k: left(write(ranked[:k])) >= spare, least, len(ranked) - 1)
    prompts = write(ranked[:shown]) if ranked else whole
    rest = left(prompts)
    if rest < spare:
        raise EvollmError(_refusal(limit - rest, spare, limit, shown if ranked else 0))
    _say(len(ranked), limit)
    return Fit(prompts, frozenset(ranked[:shown]), min(room, rest))


def _most(fits: Callable[[int], bool], least: int, most: int) -> int:
    """Return the largest number that fits, or the smallest one if none does."""
    low, high = least, max(least, most)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _refusal(tokens: int, room: int, limit: int, columns: int) -> str:
    of = f" with the {columns} columns that it must show" if columns else ""
    return (
        f"a prompt{of} has {tokens} tokens and its answer may have {room}, but the model's context "
        f"has {limit}: shorten the descriptions of task and columns, show fewer or smaller trees "
        "(arity, max_depth), or use a model with a larger context (the offline one: "
        "offline(context=...))"
    )


@lru_cache(maxsize=64)
def _say(columns: int, limit: int) -> None:
    """Warn once that prompts omit columns."""
    logging.getLogger("evollm").warning(
        "%d columns do not fit into the model's context of %d tokens: prompts show those of the "
        "parents, and the most informative others",
        columns,
        limit,
    )
