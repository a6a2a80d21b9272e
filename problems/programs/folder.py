"""Folders: a task as users of OpenEvolve keep it, a program with a block and its evaluator."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError
from evollm.paths import anchored
from operators.programs.source import Frame, Unusable, split

PROGRAM, EVALUATOR = "initial_program", "evaluator.py"
_LARGEST = 2**20
_DESCRIPTIONS = (("config.yaml", ("prompt", "system_message")), ("card.yaml", ("description",)))


@dataclass(frozen=True)
class Task:
    """A task: the program to start from, and what scores it.

    Attributes:
        name: The folder's name.
        frame: The fixed parts of the program.
        block: The part that evolves, as it is in the folder.
        about: Description of the task for the model; may be empty.
        digest: Hash of the evaluator, so that a run isn't resumed with another one.
        evaluator: The file that defines ``evaluate(program_path)``.
    """

    name: str
    frame: Frame
    block: str
    about: str
    digest: str
    evaluator: Path = field(metadata={"parameter": False})

    @property
    def file(self) -> str:
        """The name of the file of the initial program."""
        return PROGRAM + self.frame.suffix


def read(path: str | Path, about: str | None = None) -> Task:
    """Read a task's folder.

    It contains ``initial_program.*``, whose lines with ``EVOLVE-BLOCK-START`` and
    ``EVOLVE-BLOCK-END`` enclose what evolves, and ``evaluator.py``, which defines
    ``evaluate(program_path)`` that returns a dict with ``combined_score``. A description is taken
    from ``config.yaml`` (``prompt: system_message:``) or ``card.yaml`` (``description:``), if any.

    Args:
        path: The folder.
        about: Description of the task, in place of that in the folder.

    Raises:
        EvollmError: If a file is missing or can't be read, there are several programs, or the
            program has not exactly one block or is Python with a syntax error.
    """
    folder = anchored(path)
    if not folder.is_dir():
        raise EvollmError(f"there is no folder {path}: give one with {PROGRAM}.* and {EVALUATOR}")
    program, evaluator = _program(folder), folder / EVALUATOR
    if not evaluator.is_file():
        raise EvollmError(f"{path} has no {EVALUATOR}, which defines evaluate(program_path)")
    frame, block = split(_text(program), program.suffix, str(program))
    try:
        frame.checked(block)
    except Unusable as reason:
        raise EvollmError(f"{program} is not a valid program: {reason}") from None
    digest = hashlib.sha256(_text(evaluator).encode()).hexdigest()[:16]
    words = _description(folder) if about is None else about
    return Task(folder.name, frame, block, words, digest, evaluator)


def _program(folder: Path) -> Path:
    found = sorted(folder.glob(f"{PROGRAM}.*")) + sorted(folder.glob(PROGRAM))
    if not found:
        raise EvollmError(f"{folder} has no {PROGRAM}.*, the program to start from")
    if len(found) > 1 or not found[0].is_file():
        names = ", ".join(file.name for file in found)
        raise EvollmError(
            f"a task has one file with the program to start from, but {folder} has {names}: join "
            "them into one file"
        )
    return found[0]


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST:
            raise EvollmError(f"{file} is larger than 1 MiB: give the source of a program")
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise EvollmError(f"{file} can't be read: {cause}") from None


def _description(folder: Path) -> str:
    """Return the description in one of the known files; empty if there is none."""
    for name, path in _DESCRIPTIONS:
        if (folder / name).is_file():
            found = _yaml(folder / name)
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
            if isinstance(found, str) and found.strip():
                return found.strip()
    return ""


def _yaml(file: Path) -> Any:
    import yaml  # comes with Ray; slow to import

    try:
        return yaml.safe_load(_text(file))
    except yaml.YAMLError as error:
        cause = " ".join(str(error).split())
        raise EvollmError(f"{file} is not valid YAML: {cause}") from None
