"""Source: a program's file in two fixed parts and the block between them that evolves."""

import ast
import hashlib
import re
import warnings
from contextlib import suppress
from dataclasses import dataclass

from evollm.errors import EvollmError

START, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"
PYTHON = (".py",)
_MARK = re.compile(rf"^[ \t]*\W{{1,4}}[ \t]*({START}|{END})\b.*$")


class Unusable(ValueError):
    """The text is not a program that may be evaluated; the message is the reason."""

    @property
    def kind(self) -> str:
        """The reason without what differs from case to case, to be counted."""
        return str(self).partition(":")[0].partition(" in line ")[0]


@dataclass(frozen=True)
class Frame:
    """The fixed parts of a program's file.

    Attributes:
        head: All lines before the block, the opening marker included.
        tail: All lines behind the block, the closing marker included.
        suffix: The file's suffix, such as ``.py``.
    """

    head: str
    tail: str
    suffix: str = ".py"

    @property
    def python(self) -> bool:
        """Whether the program is in Python."""
        return self.suffix in PYTHON

    def whole(self, block: str) -> str:
        """Return the file with a block."""
        return self.head + block + self.tail

    def checked(self, block: str) -> str:
        """Return a block that ends with a line break, after checking it.

        Raises:
            Unusable: If it contains a marker, or the program is Python with a syntax error.
        """
        block = block.replace("\r\n", "\n").rstrip() + "\n"
        if marks(block):
            raise Unusable("a marker is inside the block")
        if self.python:
            parsed(self.whole(block))
        return block

    def key(self, block: str) -> str:
        """Return a key that is equal for blocks that differ in layout and comments only."""
        text = "\n".join(line.rstrip() for line in block.splitlines() if line.strip())
        if self.python:
            with suppress(Unusable):
                text = ast.dump(parsed(self.whole(block)))
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def parsed(text: str) -> ast.Module:
    """Return the syntax tree of a Python program, which is not run.

    Raises:
        Unusable: If it has a syntax error.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as for an invalid escape in a string
            return ast.parse(text)
    except SyntaxError as error:
        line = (error.text or "").strip()[:80]
        raise Unusable(f"a syntax error in line {error.lineno}: {error.msg}: {line}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unusable(f"Python can't parse it: {type(error).__name__}") from None


def marks(text: str) -> list[tuple[int, str]]:
    """Return the lines that are markers, each with its index."""
    lines = text.splitlines()
    return [(i, found[1]) for i, line in enumerate(lines) if (found := _MARK.match(line))]


def split(text: str, suffix: str = ".py", name: str = "the program") -> tuple[Frame, str]:
    """Return the fixed parts of a file and its block; without markers all of it is the block.

    Args:
        text: The file.
        suffix: Its suffix.
        name: Its name in errors.

    Raises:
        EvollmError: If it has a marker without its counterpart, or several blocks.
    """
    text = text.replace("\r\n", "\n")
    found = marks(text)
    if not found:
        return Frame("", "", suffix), text if text.endswith("\n") else text + "\n"
    if [mark for _, mark in found] != [START, END]:
        raise EvollmError(
            f"{name} must have one line with {START} and after it one with {END}, not "
            f"{', '.join(mark for _, mark in found)}: join several blocks into one"
        )
    lines = text.splitlines(keepends=True)
    first, last = found[0][0] + 1, found[1][0]
    return Frame("".join(lines[:first]), "".join(lines[last:]), suffix), "".join(lines[first:last])
