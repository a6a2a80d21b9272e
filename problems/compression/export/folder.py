"""The folder of an export: complete or not there at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError
from evollm.llm.files import sha256
from evollm.paths import anchored

NOTE = "export.json"
"""What makes a folder an export: what is in it, with the digest of every other file."""
MADE_BY = "evollm compression"


@contextmanager
def drafted(folder: str | Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``folder`` at the end of a ``with`` block.

    The draft lies beside it under a hidden name, so that a killed export leaves the earlier one, or
    nothing; the next export to the same place removes the draft. Two exports to the same place at
    the same time are not supported.

    Args:
        folder: Where the export goes; an earlier export there is replaced.

    Raises:
        EvollmError: If something else is there, or the disk is full or read-only.
    """
    target = anchored(folder)
    _check_place(target)
    draft = target.with_name(f".{target.name}.draft")
    old = target.with_name(f".{target.name}.old")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in (draft, old):
            shutil.rmtree(left, ignore_errors=True)
        draft.mkdir()
        yield draft
        if target.exists():
            target.rename(old)
        draft.rename(target)
    except OSError as error:
        raise EvollmError(
            f"the export can't be written to {target} ({error.strerror or error}): free some "
            "space, or name another folder"
        ) from None
    finally:
        for left in (draft, old):
            shutil.rmtree(left, ignore_errors=True)


def _check_place(target: Path) -> None:
    """Refuse a place where something else is.

    Raises:
        EvollmError: By its name.
    """
    if target.is_dir() and (not any(target.iterdir()) or _is_export(target)):
        return
    if target.exists() or target.is_symlink():
        raise EvollmError(
            f"{target} is not an earlier export, and is not overwritten: name another folder, or "
            "remove it"
        )


def _is_export(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / NOTE).read_text("utf-8"))["made_by"] == MADE_BY)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def seal(draft: Path, facts: Mapping[str, Any]) -> None:
    """Write the note of a folder, after all other files.

    Args:
        draft: The folder.
        facts: What the export is.
    """
    files = {str(file.relative_to(draft)): sha256(file) for file in _files(draft)}
    note = {"made_by": MADE_BY, **facts, "files": files}
    (draft / NOTE).write_text(json.dumps(note, indent=1) + "\n", "utf-8")


def opened(folder: str | Path) -> Mapping[str, Any]:
    """Return the note of an export whose files are all there and unchanged.

    Args:
        folder: Where the export is.

    Raises:
        EvollmError: If it is no export, or a file is missing or differs.
    """
    place = anchored(folder)
    if not _is_export(place):
        raise EvollmError(f"{place} is not a complete export: it has no readable {NOTE}")
    note: Mapping[str, Any] = json.loads((place / NOTE).read_text("utf-8"))
    for name, digest in note["files"].items():
        file = place / name
        if not file.is_file() or sha256(file) != digest:
            what = "differs from what was written" if file.is_file() else "is missing"
            raise EvollmError(f"{file} {what}: export the model again")
    return note


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())
