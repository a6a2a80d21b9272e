"""Generation: many prompts continued together, each as it would be alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Literal

import numpy as np

from evollm.checks import at_least, positive
from evollm.errors import EvollmError
from problems.lm.generation.holding import Form, allowed, held
from problems.lm.generation.steps import Row, steps
from problems.lm.load import LM
from problems.lm.tokens import decode, ids_of

if TYPE_CHECKING:
    from torch import Tensor

Reason = Literal["stop", "end", "length"]


@dataclass(frozen=True, slots=True)
class Likely:
    """How likely a token was, before the temperature.

    Attributes:
        token: Its id.
        logprob: Its log-probability (natural logarithm).
        top: Ids and log-probabilities of the likeliest tokens in its place, the likeliest first.
    """

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Generated:
    """What a model wrote after a prompt.

    Attributes:
        text: Up to the stop string or the token that ends a text, which are left out.
        tokens: Number of tokens generated, that which ended it included.
        prompt_tokens: Number of the prompt's tokens, special ones included.
        reason: Why it ended: a stop string or the end of its form, a token that ends a text, or
            the limit.
        likely: The tokens of the text with their log-probabilities, if they were asked for.
    """

    text: str
    tokens: int
    prompt_tokens: int
    reason: Reason
    likely: tuple[Likely, ...] = ()


@dataclass(frozen=True)
class Decoding:
    """How tokens are chosen.

    Attributes:
        temperature: 0 for the likeliest token.
        top_k: Choose among so many likeliest tokens only; none for all.
        samples: Continuations of each prompt.
        batch: Continuations that are computed together.
        likeliest: Of each token the log-probability is returned, with those of so many likeliest
            ones; 0 for none.
    """

    temperature: float = 0.0
    top_k: int | None = None
    samples: int = 1
    batch: int = 16
    likeliest: int = 0

    def __post_init__(self) -> None:
        at_least(0, self, "likeliest")
        positive(top_k=self.top_k, samples=self.samples, batch=self.batch)
        if not (isfinite(self.temperature) and self.temperature >= 0):
            raise EvollmError(f"temperature must be 0 or more, not {self.temperature}")


def generate(
    lm: LM,
    prompts: Sequence[str | Sequence[int]],
    limits: int | Sequence[int],
    *,
    stop: Sequence[str] = (),
    forms: Sequence[Form | None] = (),
    decoding: Decoding = Decoding(),
    seed: int | Sequence[int] = 0,
) -> list[list[Generated]]:
    """Continue prompts.

    Which prompts are computed together changes the logits by rounding only, and never the random
    numbers: those of a sample depend on the seed, the prompt's index and the sample's.

    Args:
        lm: A causal model.
        prompts: Texts, before which come the tokenizer's special tokens; or ids, taken as they are.
        limits: Most tokens to generate, for all prompts or for each.
        stop: Texts before which a continuation is cut off.
        forms: The grammar or schema of each prompt's continuations; none for free ones.
        decoding: How tokens are chosen.
        seed: Of the random numbers; or one for each prompt, whose index then makes no difference.

    Returns:
        For each prompt its continuations.

    Raises:
        EvollmError: If the model is a masked one, a prompt is empty, a prompt and its limit are
            longer than the context, or a form can't be read.
    """
    if lm.masked:
        raise EvollmError(
            f"{lm.name} fills in masks and can't continue a text: name a causal model"
        )
    if "" in stop:
        raise EvollmError("a stop string is empty: leave it out")
    rows = _rows(lm, prompts, limits, list(forms) or [None] * len(prompts), decoding.samples, seed)
    rows.sort(key=lambda row: (len(row.prompt), row.prompt))
    for start in range(0, len(rows), decoding.batch):
        _run(lm, rows[start : start + decoding.batch], stop, decoding)
    found = {row.place: row.done for row in rows if row.done is not None}
    return [[found[i, j] for j in range(decoding.samples)] for i in range(len(prompts))]


def _rows(
    lm: LM,
    prompts: Sequence[str | Sequence[int]],
    limits: int | Sequence[int],
    forms: Sequence[Form | None],
    samples: int,
    seed: int | Sequence[int],
) -> list[Row]:
    each = [limits] * len(prompts) if isinstance(limits, int) else list(limits)
    seeds = [(seed, i) for i in range(len(prompts))] if isinstance(seed, int) else list(seed)
    if not len(each) == len(seeds) == len(forms) == len(prompts):
        raise EvollmError(
            "give one limit for all prompts or one for each, seeds likewise, and a form for each "
            "or none"
        )
    rows: list[Row] = []
    for i, (prompt, limit, form) in enumerate(zip(prompts, each, forms, strict=True)):
        ids, start = _checked(lm, i, prompt, limit), None if form is None else held(lm, form)
        for j in range(samples):
            rng = np.random.default_rng((*np.atleast_1d(seeds[i]), j))
            rows.append(Row((i, j), ids, limit, rng, start and start.copy()))
    return rows


def _checked(lm: LM, index: int, prompt: str | Sequence[int], limit: int) -> tuple[int, ...]:
    positive(**{f"limits[{index}]": limit})
    ids = (*lm.before, *ids_of(lm, prompt)) if isinstance(prompt, str) else tuple(prompt)
    if not ids:
        raise EvollmError(f"prompt {index} has no tokens: give at least one")
    if len(ids) + limit > lm.context:
        raise EvollmError(
            f"prompt {index} has {len(ids)} tokens, and with {limit} more it does not fit in "
            f"the {lm.context} of {lm.name}: shorten it, or lower its limit"
        )
    return ids


def _run(lm: LM, rows: list[Row], stop: Sequence[str], decoding: Decoding) -> None:
    """Continue rows until all are done, each for as long as it lasts."""
    for active, found in steps(lm, rows):
        tokens = _choices(allowed(found, [row.held for row in active]), decoding, active)
        if decoding.likeliest:
            _note(found, tokens, decoding.likeliest, active)
        for row, token in zip(active, tokens, strict=True):
            row.ids.append(token)
            row.done = _ended(lm, row, stop)


def _choices(scores: Tensor, decoding: Decoding, rows: Sequence[Row]) -> list[int]:
    """Return a token for each row of logits."""
    import torch

    if decoding.temperature == 0:
        return [int(place) for place in scores.argmax(1).tolist()]
    order = None
    if decoding.top_k is not None and decoding.top_k < scores.shape[1]:
        scores, order = scores.topk(decoding.top_k)
    shares = (scores.double() / decoding.temperature).softmax(1).cumsum(1)
    drawn = torch.tensor([[row.rng.random()] for row in rows], dtype=shares.dtype)
    places = torch.searchsorted(shares, drawn.to(shares.device), right=True)
    places = places.clamp(max=scores.shape[1] - 1)
    tokens = places if order is None else order.gather(1, places)
    return [int(token) for token in tokens.flatten().tolist()]


def _note(scores: Tensor, tokens: Sequence[int], likeliest: int, rows: Sequence[Row]) -> None:
    """Append to each row how likely its token is, and which ones are the likeliest."""
    import torch

    logs = scores.log_softmax(1)
    own = logs.gather(1, torch.tensor(tokens, device=logs.device)[:, None])[:, 0].tolist()
    values, ids = (part.tolist() for part in logs.topk(min(likeliest, logs.shape[1])))
    for row, token, logprob, other, value in zip(rows, tokens, own, ids, values, strict=True):
        row.likely.append(Likely(token, logprob, tuple(zip(other, value, strict=True))))


def _made(lm: LM, row: Row, text: str, reason: Reason) -> Generated:
    """Return what a row came to; tokens after the end of its text have no likelihoods."""
    likely = row.likely[: -1 if reason == "end" else None]
    while (
        reason == "stop" and likely and len(_text(lm, row, row.ids[: len(likely) - 1])) >= len(text)
    ):
        likely.pop()
    return Generated(text, len(row.ids), len(row.prompt), reason, tuple(likely))


def _ended(lm: LM, row: Row, stop: Sequence[str]) -> Generated | None:
    """Return a row's result if its last token ended it."""
    if row.ids[-1] in lm.ends:
        if row.held is not None:
            row.held.end()
        return _made(lm, row, _text(lm, row, row.ids[:-1]), "end")
    if stop:
        # A character has at most four bytes, and so a stop string at most four tokens for each.
        tail = _text(lm, row, row.ids[-4 * max(map(len, stop)) - 8 :])
        if any(mark in tail for mark in stop):
            text = _text(lm, row, row.ids)
            ends = [place for mark in stop if (place := text.find(mark)) >= 0]
            if ends:
                return _made(lm, row, text[: min(ends)], "stop")
    if row.held is not None:
        row.held.add(row.ids[-1])
        if row.held.whole:
            return _made(lm, row, _text(lm, row, row.ids), "stop")
    if len(row.ids) == row.limit:
        return _made(lm, row, _text(lm, row, row.ids), "length")
    return None


def _text(lm: LM, row: Row, ids: list[int]) -> str:
    """Return the text of last tokens as it reads behind the token before them.

    Alone, the first of them would lose its blank with some tokenizers.
    """
    before = [row.prompt[-1]]
    whole, start = decode(lm, [*before, *ids]), decode(lm, before)
    return whole[len(start) :] if whole.startswith(start) else decode(lm, ids)
