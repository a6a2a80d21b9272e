"""The tokens that an endpoint lists at the place of an answer, and the labels among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from evollm.llm.base import Completion
from problems.prompts.readers.vocabulary import BLANKS, Spelling


@dataclass(frozen=True, eq=False)
class Listed:
    """The log-probabilities of labels, as far as they are listed.

    Attributes:
        values: Of shape ``(texts, labels)``; what is not listed is not a number.
        least: For each text the smallest one listed of any token; 0 if none is.
    """

    values: NDArray[np.float64]
    least: NDArray[np.float64]

    @property
    def filled(self) -> NDArray[np.float64]:
        """The values, those that are not listed as the smallest one that is."""
        return np.where(np.isnan(self.values), self.least[:, None], self.values)


def listed(completion: Completion) -> dict[str, float]:
    """Return the log-probabilities of the tokens that could begin an answer."""
    if not completion.tokens:
        return {}
    first = completion.tokens[0]
    return {
        text: value for text, value in ((first.text, first.logprob), *first.top) if isfinite(value)
    }


def label_values(
    lists: Sequence[Mapping[str, float]], spellings: Sequence[Spelling], loose: bool = False
) -> Listed:
    """Find labels in lists of tokens.

    Some endpoints write tokens without the blank before them. Only if no token of any list has one
    does a label's word without it stand for the label: elsewhere that is another token.

    Args:
        lists: For each text the log-probabilities of tokens.
        spellings: Of each label.
        loose: Whether a word stands for the label with and without the blank in any case.
    """
    loose = loose or not any(text[:1] in BLANKS for one in lists for text in one if text)
    rows = [[_value(one, spelling, loose) for spelling in spellings] for one in lists]
    least = [min(one.values(), default=0.0) for one in lists]
    return Listed(np.array(rows, dtype=np.float64), np.array(least, dtype=np.float64))


def _value(found: Mapping[str, float], spelling: Spelling, loose: bool) -> float:
    exact = [found[text] for text in spelling.exact if text in found]
    if not exact and loose:
        exact = [value for text, value in found.items() if text.strip(BLANKS) == spelling.bare]
    return max(exact, default=float("nan"))
