"""Files of examples for fine-tuning, with one chat of two messages per line."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError
from evollm.paths import anchored
from operators.vectors.rows import NUMBER, STRICT, RowFormat, read

ROLES = ["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt that ends with an open row, and the expected row.

    Attributes:
        prompt: The prompt, in the form of ``operators.vectors.rows.write``.
        answer: Integers joined by commas.
    """

    prompt: str
    answer: str

    @property
    def row(self) -> list[int]:
        """The answer's integers."""
        return [int(digits) for digits in NUMBER.findall(self.answer)]

    def fault(self, resolution: int) -> str | None:
        """Return what is wrong with the example, or None; both texts may be arbitrary."""
        columns = _columns(self.prompt)
        if not columns:
            return "the prompt has no row of integers above its open one"
        answer = read(self.answer, columns, RowFormat(resolution))
        if answer.reading != "strict" or "\n" in self.answer.strip():
            return f"the answer {self.answer[:80]!r} is not a row of {columns} integers"
        if answer.clips:
            return f"the answer {self.answer[:80]!r} is outside the range 0 to {resolution}"
        return None


def save(examples: Iterable[Example], file: str | Path) -> int:
    """Write a file of examples completely, or leave the existing one.

    Args:
        examples: At least one.
        file: JSON lines in the format of OpenAI's chats.

    Returns:
        How many examples.

    Raises:
        EvollmError: If there is no example, or the file can't be written.
    """
    lines = [json.dumps({"messages": _messages(example)}) for example in examples]
    if not lines:
        raise EvollmError(f"there is no example to write to {file}")
    path = anchored(file)
    part = path.with_name(f"{path.name}.part{os.getpid()}")
    try:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise EvollmError(f"{file} can't be written: {error.strerror}") from None
    return len(lines)


def load(file: str | Path, resolution: int = 1000) -> list[Example]:
    """Read and check a file of examples from any source.

    Args:
        file: The file, in the form of ``save``.
        resolution: The largest integer in an answer.

    Raises:
        EvollmError: If the file can't be read or is empty, or a line is not a chat of a user and an
            assistant whose answer is a row that fits the prompt; the message contains the line
            number.
    """
    try:
        lines = anchored(file).read_text(encoding="utf-8").rstrip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise EvollmError(f"{file} can't be read: {reason}") from None
    if lines == [""]:
        raise EvollmError(f"{file} contains no examples: give a file with at least one")
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(_example(line, resolution))
        except ValueError as error:
            raise EvollmError(f"{file}, line {number}: {error}") from None
    return found


def _example(line: str, resolution: int) -> Example:
    """Read one line; raises a ``ValueError`` if it is invalid."""
    try:
        held = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("this is not JSON") from None
    example = Example(*_contents(held.get("messages") if isinstance(held, dict) else None))
    if fault := example.fault(resolution):
        raise ValueError(fault)
    return example


def _contents(messages: Any) -> list[str]:
    """Return the user's and the assistant's contents."""
    if not isinstance(messages, list) or not all(isinstance(part, dict) for part in messages):
        raise ValueError("there is no list of 'messages'")
    if [part.get("role") for part in messages] != ROLES:
        raise ValueError("the roles must be 'user' and 'assistant', one message each")
    contents = [part.get("content") for part in messages]
    if not all(isinstance(content, str) for content in contents):
        raise ValueError("the 'content' of a message must be a text")
    return contents


def _messages(example: Example) -> list[dict[str, str]]:
    texts = (example.prompt, example.answer)
    return [{"role": role, "content": text} for role, text in zip(ROLES, texts, strict=True)]


def _columns(prompt: str) -> int:
    """Return the number of integers in the row above the open one; 0 if there is none."""
    row = prompt.split("\n")[-2:-1]
    text = row[0].rpartition(":")[2] if row else ""
    return len(NUMBER.findall(text)) if STRICT.fullmatch(text) else 0
