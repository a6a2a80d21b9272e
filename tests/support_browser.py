"""A headless Chromium, where there is one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str | None:
    """Return the path of an installed Chromium; None if there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Any]:
    """Start a Chromium without a window, and end it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        options = ["--no-sandbox"]  # which containers do not allow
        found = player.chromium.launch(executable_path=chromium(), args=options)
        try:
            yield found
        finally:
            found.close()
