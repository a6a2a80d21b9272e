"""What a written answer says: the number that it ends on, and the sentence that it begins with."""

import re
from collections.abc import Iterable, Sequence
from math import inf, isclose, isfinite

TOLERANCE = 1e-6
"""Relative: some data sets give numbers that were rounded."""
_NUMBER = re.compile(r"(?<!\w)-?[0-9]+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_SENTENCE_END = re.compile(r"[.!?]")


def last_number(text: str) -> float:
    """Return the last number of a text, commas between thousands left out; infinity if none."""
    found = _NUMBER.findall(_THOUSANDS.sub("", text))
    return float(found[-1]) if found else inf


def is_right(number: float, gold: str | float) -> bool:
    """Tell whether a number is the right one, to a relative tolerance of 1e-6.

    Args:
        number: What was answered; infinity is never right.
        gold: What is right.
    """
    return isfinite(number) and isclose(number, float(gold), rel_tol=TOLERANCE)


def majority(numbers: Iterable[float]) -> float:
    """Return the number that most samples give, the earliest among equals; infinity if none does.

    Args:
        numbers: One per sample; infinity, where there was no number, has no vote.
    """
    votes: list[list[float]] = []
    for number in filter(isfinite, numbers):
        group = next((one for one in votes if is_right(number, one[0])), None)
        if group is None:
            votes.append([number])
        else:
            group.append(number)
    return max(votes, key=len)[0] if votes else inf


def exact_match(answers: Sequence[Sequence[str]], golds: Sequence[str]) -> tuple[bool, ...]:
    """Return, for each example, whether the number that most of its samples end on is right.

    Args:
        answers: The samples of each example, as written by the model.
        golds: The right number of each example.
    """
    return tuple(
        is_right(majority(map(last_number, samples)), gold)
        for samples, gold in zip(answers, golds, strict=True)
    )


def first_sentence(text: str) -> str:
    """Return what a style transfer's answer says.

    Cut at the first double quote, which ends a rewritten text in the prompt; then after the first
    full stop, exclamation mark or question mark.
    """
    text = text.split('"')[0].strip()
    found = _SENTENCE_END.search(text)
    return text[: found.end()] if found else text
