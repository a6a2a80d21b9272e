"""The user's cache folder: model weights, servers' lock files, and cached answers."""

import hashlib
import json
import os
import tempfile
from functools import cache
from pathlib import Path

from evollm.errors import EvollmError
from evollm.paths import anchored


def cache_folder(part: str = "") -> Path:
    """Return the cache folder, or its sub-folder ``part``; it is created if missing.

    The folder is ``$EVOLLM_CACHE``, else ``$XDG_CACHE_HOME/evollm``, else ``~/.cache/evollm``.

    Raises:
        EvollmError: If the folder can't be created.
    """
    folder = _root() / part
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EvollmError(
            f"the cache folder {folder} can't be created ({error.strerror}): "
            "name another one in EVOLLM_CACHE"
        ) from None
    return folder


def _root() -> Path:
    if own := os.environ.get("EVOLLM_CACHE"):
        return _fixed(own)
    return _fixed(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "evollm"


@cache
def _fixed(folder: str) -> Path:
    """Resolve a folder in the environment relative to the working directory at its first use."""
    return anchored(folder)


def digest(file: Path) -> str:
    """Return a file's SHA-256, recomputed only if its size or modification time has changed."""
    stat = file.stat()
    stamp = [stat.st_size, stat.st_mtime_ns]
    memo = cache_folder("digests") / hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:24]
    try:
        *known, answer = json.loads(memo.read_text())
        if known == stamp:
            return str(answer)
    except (OSError, ValueError):
        pass
    answer = sha256(file)
    write(memo, json.dumps([*stamp, answer]))
    return answer


def sha256(file: Path) -> str:
    """Return a file's SHA-256."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write(file: Path, text: str) -> None:
    """Write a small file so that no reader sees an incomplete one."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as draft:
        draft.write(text)
    Path(draft.name).replace(file)
