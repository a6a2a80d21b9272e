"""GBNF, the grammars of llama.cpp: read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from evollm.errors import EvollmError

ROOT = "root"
_SPACE = re.compile(r"(?:[ \t]|#[^\n]*)*")
_BREAK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_WORD = re.compile(r"[A-Za-z0-9_-]+")
_COUNT = re.compile(r"\{\s*(\d+)\s*(,?)\s*(\d*)\s*\}")
_HEX = {"x": 2, "u": 4, "U": 8}
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", **{one: one for one in '\\"[]'}}
_LAST = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of ranges of code points, or one outside of them."""

    ranges: tuple[tuple[int, int], ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """What a rule says."""

    rule: str


@dataclass(frozen=True, slots=True)
class Series:
    """Parts one after another."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part several times; ``most`` is None without a limit."""

    part: Node
    least: int
    most: int | None


Node: TypeAlias = Chars | Name | Series | Choice | Repeat
Rules: TypeAlias = Mapping[str, Node]


def read(text: str) -> Rules:
    """Return the rules of a grammar by name.

    Args:
        text: In GBNF; the first rule need not be ``root``, but there must be one.

    Raises:
        EvollmError: If it is no grammar, a rule is missing, or no text can be whole.
    """
    rules = dict(_Reader(text).rules())
    for name in {ROOT, *(one for node in rules.values() for one in names(node))} - set(rules):
        raise EvollmError(f"the grammar has no rule '{name}': add one, `{name} ::= ...`")
    if ROOT not in _finite(rules):
        raise EvollmError(
            "the grammar allows no whole text, because its rules go on for ever: add an "
            "alternative that ends"
        )
    return rules


def names(node: Node) -> Iterator[str]:
    """Yield the rules that a node names."""
    match node:
        case Name(rule):
            yield rule
        case Repeat(part):
            yield from names(part)
        case Series(parts) | Choice(parts):
            for part in parts:
                yield from names(part)


def _finite(rules: Rules) -> set[str]:
    """Return the rules of which there is a whole text."""

    def ends(node: Node) -> bool:
        match node:
            case Name(rule):
                return rule in found
            case Repeat(part, least):
                return least == 0 or ends(part)
            case Series(parts):
                return all(map(ends, parts))
            case Choice(options):
                return any(map(ends, options))
        return True

    found = set[str]()
    while more := {name for name in set(rules) - found if ends(rules[name])}:
        found |= more
    return found


class _Reader:
    """A place in the text of a grammar."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def rules(self) -> Iterator[tuple[str, Node]]:
        self._skip(_BREAK)
        while self._at < len(self._text):
            name = self._take(_WORD, "the name of a rule")[0]
            self._skip(_SPACE)
            self._expect("::=")
            self._skip(_BREAK)
            yield name, self._choice(_SPACE)
            if self._at < len(self._text) and self._text[self._at] not in "\r\n":
                raise self._fault("a part of a rule, or the end of the line")
            self._skip(_BREAK)

    def _choice(self, space: re.Pattern[str]) -> Node:
        options = [self._series(space)]
        while self._next("|"):
            self._skip(_BREAK)
            options.append(self._series(space))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _series(self, space: re.Pattern[str]) -> Node:
        parts: list[Node] = []
        while (part := self._part()) is not None:
            parts.append(self._repeated(part, space))
        return parts[0] if len(parts) == 1 else Series(tuple(parts))

    def _part(self) -> Node | None:
        if self._next('"'):
            return Series(tuple(Chars(((code, code),)) for code in self._until('"')))
        if self._next("["):
            return self._chars()
        if self._next("("):
            self._skip(_BREAK)
            inner = self._choice(_BREAK)
            self._expect(")")
            return inner
        if self._next("."):
            return Chars(((0, _LAST),))
        if word := _WORD.match(self._text, self._at):
            self._at = word.end()
            return Name(word[0])
        return None

    def _repeated(self, part: Node, space: re.Pattern[str]) -> Node:
        """Return a part with the marks of repetition that follow it."""
        while True:
            self._skip(space)
            if self._next("*"):
                part = Repeat(part, 0, None)
            elif self._next("+"):
                part = Repeat(part, 1, None)
            elif self._next("?"):
                part = Repeat(part, 0, 1)
            elif self._text.startswith("{", self._at):
                least, comma, most = self._take(_COUNT, "{m}, {m,} or {m,n}").groups()
                part = Repeat(part, int(least), int(most or least) if most or not comma else None)
                if part.most is not None and part.most < max(1, part.least):
                    raise self._fault("at least one repetition, and at most as many as the limit")
            else:
                return part

    def _chars(self) -> Chars:
        negated, ranges = self._next("^"), list[tuple[int, int]]()
        for low in (codes := self._until("]")):
            high = low
            if self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at):
                self._at += 1
                high = next(codes, low)
            if high < low:
                raise self._fault("a range that rises")
            ranges.append((low, high))
        if not ranges:
            raise self._fault("a character between [ and ]")
        return Chars(tuple(ranges), negated)

    def _until(self, end: str) -> Iterator[int]:
        """Yield code points up to a mark."""
        while not self._next(end):
            if self._at >= len(self._text):
                raise self._fault(end)
            code = self._escaped() if self._next("\\") else ord(self._text[self._at])
            self._at += 1
            yield code

    def _escaped(self) -> int:
        """Return the code point of an escape; the reader stays at its last character."""
        kind = self._text[self._at : self._at + 1]
        if kind in _HEX:
            digits = self._text[self._at + 1 : self._at + 1 + _HEX[kind]]
            if re.fullmatch(f"[0-9A-Fa-f]{{{_HEX[kind]}}}", digits):
                code = int(digits, 16)
                if code <= _LAST and not 0xD800 <= code <= 0xDFFF:
                    self._at += _HEX[kind]
                    return code
        elif kind and kind in _ESCAPED:
            return ord(_ESCAPED[kind])
        raise self._fault(
            'an escape: \\n, \\r, \\t, \\\\, \\", \\[, \\], \\xHH, \\uHHHH, \\UHHHHHHHH'
        )

    def _next(self, mark: str) -> bool:
        """Return whether a mark follows; if so, go behind it."""
        found = self._text.startswith(mark, self._at)
        self._at += len(mark) * found
        return found

    def _expect(self, mark: str) -> None:
        if not self._next(mark):
            raise self._fault(mark)

    def _skip(self, space: re.Pattern[str]) -> None:
        self._take(space, "")

    def _take(self, pattern: re.Pattern[str], wanted: str) -> re.Match[str]:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._fault(wanted)
        self._at = found.end()
        return found

    def _fault(self, wanted: str) -> EvollmError:
        before = self._text[: self._at]
        line, column = before.count("\n") + 1, self._at - before.rfind("\n")
        return EvollmError(
            f"the grammar can't be read: line {line}, column {column} should have {wanted}"
        )
