"""Fitting: which columns prompts for trees show, so that they fit into a model's context."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from evollm.errors import EvollmError
from evollm.llm.base import Prompt
from evollm.llm.client.contexts import count, most_tokens

Write = Callable[[Collection[int] | None], Sequence[Prompt]]
"""Returns a call's prompts with some of the columns, or with all."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Prompts that fit.

    Attributes:
        prompts: As they are asked.
        shown: The columns that they show; None for all.
        room: Tokens that an answer may have.
    """

    prompts: Sequence[Prompt]
    shown: frozenset[int] | None
    room: int


def fitted(
    model: Any, write: Write, ranked: Sequence[int], least: int, room: int, limit: int | None
) -> Fit:
    """Return prompts that leave room for their answers, with as many columns as fit.

    Args:
        model: Who is asked; its ``count_tokens`` counts if it has one.
        write: Returns the prompts.
        ranked: The columns, in the order in which they are worth showing; empty if prompts show
            none, so that nothing can be left out.
        least: How many of them must be shown.
        room: Tokens wanted for an answer; a quarter of the context is enough.
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
    """Return the greatest number that fits, or the least one if none does."""
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
        f"a prompt{of} has {tokens} tokens, its answer may have {room}, and the model's context "
        f"holds {limit}: say less of the task and the columns, show fewer or smaller trees (arity, "
        "max_depth), or take a model with a larger context (the offline one: offline(context=...))"
    )


@lru_cache(maxsize=64)
def _say(columns: int, limit: int) -> None:
    """Say once that prompts leave columns out."""
    logging.getLogger("evollm").warning(
        "%d columns do not fit into the model's context of %d tokens: prompts show those of the "
        "parents, and the most telling others",
        columns,
        limit,
    )
