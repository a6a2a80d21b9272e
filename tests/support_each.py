"""One test over many cases: all are checked, and those that fail are listed."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def failing(check: Callable[..., None], cases: Iterable[Any]) -> dict[str, str]:
    """Return why each case failed that did, by the case; a tuple is a check's arguments."""
    found = {}
    for case in cases:
        try:
            check(*case) if isinstance(case, tuple) else check(case)
        except (Exception, pytest.fail.Exception) as error:
            lines = str(error).splitlines() or [""]
            found[str(case)] = f"{type(error).__name__}: {lines[0]}"
    return found
