"""Errors of the user's code, in one line that can be recorded."""

import traceback
from pathlib import Path


def described(error: BaseException) -> str:
    """Return type, message and place of an exception, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"


class EvollmError(Exception):
    """A mistake or a state that ends the run, in one sentence that names the mend."""
