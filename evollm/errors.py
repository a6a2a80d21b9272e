"""Errors: those that end a run, and one-line descriptions of exceptions in user code."""

import traceback
from pathlib import Path


class Interrupt(KeyboardInterrupt):
    """An interrupt by the user; a ``KeyboardInterrupt`` raised by user code is a failure."""


def described(error: BaseException) -> str:
    """Return type, message and location of an exception, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {_message(error)}{place}"


def _message(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except Interrupt:
        raise
    except BaseException:  # the __str__ of a user's exception may fail
        return "(its message can't be read)"


class EvollmError(Exception):
    """An error that ends the run; its message is one sentence that says how to fix it."""


class OutOfRange(EvollmError):
    """A number is too small.

    Attributes:
        least: The smallest valid number; None if it is unknown.
    """

    def __init__(self, sentence: str, least: float | None = None) -> None:
        super().__init__(sentence)
        self.least = least
