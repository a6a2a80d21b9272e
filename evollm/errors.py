"""Errors of the user's code, in one line that can be recorded, and the interrupt that is none."""

import traceback
from pathlib import Path


class Interrupt(KeyboardInterrupt):
    """The user leaves at once: unlike a ``KeyboardInterrupt`` that a function raises by itself."""


def described(error: BaseException) -> str:
    """Return type, message and place of an exception, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {_message(error)}{place}"


def _message(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except Interrupt:
        raise
    except BaseException:  # an exception of the user's may have any __str__
        return "(its message can't be read)"


class EvollmError(Exception):
    """A mistake or a state that ends the run, in one sentence that names the mend."""
