"""Reading: a parser for trees written by a model or a user."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from evollm.checks import nearest
from operators.trees.columns import Columns, Label, same_label
from operators.trees.genome import Leaf, Split, Tree, splits

_PIECE = re.compile(r"<=?|[^\s()<={},?]+|\S")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_WORDLIKE = re.compile(r"[+-]?(nan|inf(inity)?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of reading an untrusted text.

    Attributes:
        tree: The tree, or None.
        fault: Why there is none, as a category: ``malformed``, ``unknown feature``, ``unknown
            value``, ``not finite`` or ``too deep``.
        detail: The cause in detail for this text.
        repaired: Whether missing closing brackets were added.
        outside: Number of thresholds outside their columns' known range.
    """

    tree: Tree | None
    fault: str = ""
    detail: str = ""
    repaired: bool = False
    outside: int = 0


class Fault(Exception):
    """A text is not a tree; with the category and the detail."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


def read(text: str, columns: Columns, most: int) -> Reading:
    """Read the tree that begins at a text's first bracket; any text after it is ignored.

    Args:
        text: A model's answer, which is untrusted and may be any text. Without a bracket it may be
            a leaf.
        columns: Names of columns, categories and classes.
        most: Maximum depth.
    """
    start = text.find("(")
    if start < 0 and len(text.split()) != 1:
        return Reading(None, "malformed", "there is no tree in the text")
    reader = _Reader(_PIECE.findall(text[max(start, 0) :]), columns)
    try:
        tree = reader.tree(most)
    except Fault as fault:
        return Reading(None, fault.kind, fault.detail)
    return Reading(tree, repaired=reader.repaired, outside=outside(tree, columns))


def outside(tree: Tree, columns: Columns) -> int:
    """Return the number of thresholds outside their columns' known range."""
    asked = [(s.threshold, columns.columns[s.feature]) for s in splits(tree) if not s.categories]
    return sum(not column.low <= threshold <= column.high for threshold, column in asked)


class _Reader:
    """Reads pieces of text from left to right."""

    def __init__(self, pieces: list[str], columns: Columns) -> None:
        self._pieces = pieces
        self._at = 0
        self._columns = columns
        self.repaired = False

    def tree(self, most: int) -> Tree:
        piece = self._next()
        if piece != "(":
            return Leaf(read_value(piece, self._columns))
        if most <= 0:
            raise Fault("too deep", "the tree is deeper than allowed")
        feature = read_feature(self._next(), self._columns)
        threshold, categories = self._test(feature)
        missing = self._take("?")
        left, right = self.tree(most - 1), self.tree(most - 1)
        self._close()
        return Split(feature, threshold, left, right, categories, missing)

    def _test(self, feature: int) -> tuple[float, tuple[int, ...]]:
        """Read the test after a column's name."""
        name, labels = self._columns.tokens[feature], self._columns.category_tokens[feature]
        piece = self._next()
        if labels and piece == "in" and self._next() == "{":
            chosen = [self._next()]
            while self._take(","):
                chosen.append(self._next())
            if self._next() == "}":
                return 0.0, read_codes(chosen, name, labels)
        if labels or piece not in ("<", "<="):
            form = "in{...}" if labels else "<"
            raise Fault("malformed", f"'{name}' must be followed by '{form}', not '{piece}'")
        return read_number(self._next()), ()

    def _close(self) -> None:
        """Read a closing bracket, which may be missing at the end of the text."""
        if self._at == len(self._pieces):
            self.repaired = True
        elif (piece := self._next()) != ")":
            raise Fault("malformed", f"a split has two branches, but '{piece[:40]}' follows them")

    def _next(self) -> str:
        if self._at == len(self._pieces):
            raise Fault("malformed", "the text ends within the tree")
        self._at += 1
        return self._pieces[self._at - 1]

    def _take(self, piece: str) -> bool:
        """Read a piece if it is the next one."""
        found = self._at < len(self._pieces) and self._pieces[self._at] == piece
        self._at += found
        return found


def read_feature(name: str, columns: Columns) -> int:
    """Return the index of a column by its name, plain or as in prompts.

    Raises:
        Fault: If there is none.
    """
    names = [column.name for column in columns.columns]
    for known in (columns.tokens, names):
        if name in known:
            return known.index(name)
    hint = nearest(name, columns.tokens, most=0)
    raise Fault("unknown feature", f"there is no feature '{name[:40]}'{hint}")


def read_codes(chosen: Sequence[Label], name: str, labels: Sequence[Label]) -> tuple[int, ...]:
    """Return the codes of categories by their labels, ascending.

    Raises:
        Fault: If one is not known.
    """
    codes = set()
    for value in chosen:
        code = next((i for i, label in enumerate(labels) if same_label(value, label)), None)
        if code is None:
            hint = nearest(str(value), map(str, labels), most=0)
            raise Fault("unknown value", f"'{name}' has no category '{str(value)[:40]}'{hint}")
        codes.add(code)
    return tuple(sorted(codes))


def read_value(word: str, columns: Columns) -> float:
    """Return the index of a class by its label, or a number.

    Raises:
        Fault: If it is neither.
    """
    if not columns.classes:
        return read_number(word)
    if word in columns.class_tokens:
        return columns.class_tokens.index(word)
    hint = nearest(word, columns.class_tokens, most=0)
    raise Fault("unknown value", f"there is no class '{word[:40]}'{hint}")


def read_number(word: str) -> float:
    """Return a finite number.

    Raises:
        Fault: If it is none.
    """
    if _NUMBER.fullmatch(word) and isfinite(value := float(word)):
        return value
    if _NUMBER.fullmatch(word) or _WORDLIKE.fullmatch(word):
        raise Fault("not finite", f"'{word[:40]}' is not a finite number")
    raise Fault("malformed", f"'{word[:40]}' is not a number")
