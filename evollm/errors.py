"""Errors: how an exception in user code is described in one line, and those that end a run."""

import traceback
from pathlib import Path


class Interrupt(KeyboardInterrupt):
    """The user interrupts the run; a ``KeyboardInterrupt`` of user code is a failure instead."""


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
    except BaseException:  # a user's exception may have any __str__
        return "(its message can't be read)"


class EvollmError(Exception):
    """A mistake or a state that ends the run, described in one sentence that says how to fix it."""
