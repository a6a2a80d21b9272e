"""Text to calibrate and search on, and other text to measure the result on."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evollm.checks import positive
from evollm.cli.options import option
from problems.lm.load import LM
from problems.lm.prose import Prose, prose
from problems.lm.tokens import windows

Windows = NDArray[np.int64]


@dataclass(frozen=True)
class TextSettings:
    """Which text, and how much of it.

    Attributes:
        text: Text to search on: reviews (of films), python (its language reference), or a file. In
            a .jsonl file each line has a document as its "text", in any other file each paragraph
            is one.
        held_out: A file with other text, to measure the result on; none for half of the documents.
        held_out_tokens: Number of tokens to measure the result on.
        calibration: Number of tokens that levels are calibrated on.
        join: Join documents, for text with few that are as long as a window.
    """

    text: str = option("reviews", metavar="NAME")
    held_out: str | None = option(None, metavar="FILE")
    held_out_tokens: int = 8192
    calibration: int = 8192
    join: bool = False

    def __post_init__(self) -> None:
        positive(held_out_tokens=self.held_out_tokens, calibration=self.calibration)

    @property
    def prose(self) -> Prose:
        """The documents; read once."""
        return _prose(self.text, self.held_out)

    def searched(self, lm: LM, tokens: int, length: int) -> Windows:
        """Return windows to calibrate and search on, of shape ``(rows, length)``.

        Args:
            lm: Whose tokens.
            tokens: Number of tokens, rounded up to whole windows.
            length: Of each window, at most the model's context.

        Raises:
            EvollmError: If the text is too short.
        """
        return self._windows(lm, self.prose.calibration, tokens, length)

    def measured(self, lm: LM, length: int) -> Windows:
        """Return windows to measure the result on; as ``searched``."""
        return self._windows(lm, self.prose.held_out, self.held_out_tokens, length)

    def _windows(self, lm: LM, texts: tuple[str, ...], tokens: int, length: int) -> Windows:
        length = min(length, lm.context)
        count, name = -(-tokens // length), self.prose.name
        return windows(lm, texts, count=count, length=length, seed=0, join=self.join, name=name)


@lru_cache(maxsize=4)
def _prose(text: str, held_out: str | None) -> Prose:
    return prose(text, held_out)
