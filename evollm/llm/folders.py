"""The user's cache folder: model weights, servers' lock files, and cached answers."""

import os
from pathlib import Path

from evollm.types import EvollmError


def cache_folder(part: str = "") -> Path:
    """Return the cache folder, or its sub-folder ``part``, made if it is missing.

    The folder is ``$EVOLLM_CACHE``, else ``$XDG_CACHE_HOME/evollm``, else ``~/.cache/evollm``.

    Raises:
        EvollmError: If the folder can't be made.
    """
    folder = _root() / part
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EvollmError(
            f"The cache folder {folder} can't be made ({error.strerror}): "
            "name another one in EVOLLM_CACHE."
        ) from None
    return folder


def _root() -> Path:
    if own := os.environ.get("EVOLLM_CACHE"):
        return Path(own).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "evollm"
