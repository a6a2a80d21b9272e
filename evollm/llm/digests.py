"""Digests of large files, remembered in the user's cache folder."""

import hashlib
import json
import tempfile
from pathlib import Path

from evollm.llm.folders import cache_folder


def digest(file: Path) -> str:
    """Return a file's SHA-256, computed anew only if its size or time stamp has changed."""
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
    """Write a small file so that no reader ever sees half of it."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as draft:
        draft.write(text)
    Path(draft.name).replace(file)
