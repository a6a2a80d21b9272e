"""The folder of a training: its checkpoint, from which it goes on, and the record of its losses."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError
from evollm.paths import TRAINING, creatable
from evollm.search.fingerprint import describe
from evollm.tuning.examples import Teacher

RECORD = "record.json"
PARTS = {"settings", "teacher", "adapter", "optimizer", "progress"}


def check_folder(folder: Path) -> None:
    """Check that a folder is free, or holds a training.

    Raises:
        EvollmError: If no folder can be there, or it has other files, which might be overwritten.
    """
    creatable(folder)
    if not folder.is_dir() or (folder / TRAINING).exists():
        return
    if any(file.suffix != ".part" for file in folder.iterdir()):  # those a kill may leave
        raise EvollmError(f"{folder} has files, but no training: name another folder")


def digest(teacher: Teacher) -> str:
    """Return what tells a teacher from others."""
    return hashlib.sha256(json.dumps(describe(teacher), sort_keys=True).encode()).hexdigest()


def keep(folder: Path, state: Mapping[str, Any]) -> None:
    """Write the checkpoint and the record, each in one piece.

    Args:
        folder: Of the training.
        state: What ``PARTS`` names.
    """
    import torch

    draft = folder / f"{TRAINING}.part"
    torch.save(dict(state), draft)
    draft.replace(folder / TRAINING)
    record = {"settings": state["settings"], **state["progress"]}
    draft = folder / f"{RECORD}.part"
    draft.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draft.replace(folder / RECORD)


def kept(folder: Path, settings: Mapping[str, Any], teacher: str, device: Any) -> Any:
    """Return the checkpoint of a training; None if there is none yet.

    Args:
        folder: Of the training.
        settings: With which the training was begun.
        teacher: The digest of its teacher.
        device: Where the tensors go.

    Raises:
        EvollmError: If the file is no checkpoint, or that of a training with other settings or
            another teacher.
    """
    import torch

    file = folder / TRAINING
    if not file.exists():
        return None
    try:
        state = torch.load(file, map_location=device, weights_only=True)
        known = set(state) >= PARTS
    except Exception:  # torch has no class for what can be wrong with a file
        known = False
    if not known:
        raise EvollmError(
            f"{file} is no checkpoint of a training: name another folder, or delete it"
        )
    begun = state["settings"]
    if begun != settings:
        others = [name for name in {**begun, **settings} if begun.get(name) != settings.get(name)]
        raise EvollmError(
            f"{folder} holds a training with other settings ({', '.join(others)}): name another "
            "folder, or delete it"
        )
    if state["teacher"] != teacher:
        raise EvollmError(
            f"{folder} holds a training with another teacher: name another folder, or delete it"
        )
    return state
