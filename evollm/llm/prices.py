"""What a model's tokens cost."""

import math
import os
from typing import NamedTuple

from evollm.types import EvollmError


class Price(NamedTuple):
    """Money for a million tokens, in whatever currency the budget is in.

    Attributes:
        input: For a million prompt tokens.
        output: For a million generated tokens.
    """

    input: float
    output: float

    @classmethod
    def parse(cls, text: str) -> "Price":
        """Read ``"IN,OUT"``, say ``"0.15,0.60"``.

        Raises:
            EvollmError: If the text is not two numbers of at least 0.
        """
        try:
            price = cls(*(float(part) for part in text.split(",")))
        except (TypeError, ValueError):
            price = cls(math.nan, math.nan)
        if not all(0 <= figure < math.inf for figure in price):
            raise EvollmError(
                f"The price {text!r} must be two numbers IN,OUT: money for a million prompt tokens "
                "and for a million generated ones, say 0.15,0.60."
            )
        return price

    @classmethod
    def from_environment(cls) -> "Price | None":
        """Return the price in ``$EVOLLM_PRICE``; None, hence unknown, if it is not set."""
        text = os.environ.get("EVOLLM_PRICE")
        return cls.parse(text) if text else None

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return what so many tokens cost."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6
