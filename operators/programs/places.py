"""Places: where the expressions of a Python block are, and what takes the place of one."""

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from operators.programs.source import Unusable, parsed

_KEPT = (ast.Attribute, ast.JoinedStr, ast.FormattedValue, ast.arguments, ast.MatchValue)
_FIXED = ("decorator_list", "annotation", "returns", "func", "bases")


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a syntax tree from which an expression is read.

    Attributes:
        parent: The node that holds the expression.
        name: In this field.
        index: At this index of the field, if it is a list.
    """

    parent: ast.AST
    name: str
    index: int | None

    @property
    def node(self) -> ast.expr:
        """The expression."""
        held = getattr(self.parent, self.name)
        found: ast.expr = held if self.index is None else held[self.index]
        return found

    def put(self, node: ast.expr) -> None:
        """Put another expression there."""
        if self.index is None:
            setattr(self.parent, self.name, node)
        else:
            getattr(self.parent, self.name)[self.index] = node


def tree_of(block: str) -> ast.Module:
    """Return the syntax tree of a block, which may be indented as a whole.

    Raises:
        Unusable: If it has a syntax error.
    """
    return parsed(textwrap.dedent(block))


def written(tree: ast.Module, block: str) -> str:
    """Return the source of a tree, as far to the right as the block that it was made from.

    Raises:
        Unusable: If the tree is nested too deeply.
    """
    try:
        code = ast.unparse(tree)
    except (RecursionError, ValueError) as error:
        raise Unusable(f"Python can't write it: {type(error).__name__}") from None
    first = next((line for line in block.splitlines() if line.strip()), "")
    return textwrap.indent(code, first[: len(first) - len(first.lstrip())])


def places(tree: ast.AST) -> list[Place]:
    """Return where a tree reads numbers and other expressions, but no texts."""
    return list(_found(tree))


def _found(tree: ast.AST) -> Iterator[Place]:
    for parent in ast.walk(tree):
        if isinstance(parent, _KEPT):
            continue
        for name, held in ast.iter_fields(parent):
            if name in _FIXED:
                continue
            listed = held if isinstance(held, list) else [held]
            for index, node in enumerate(listed):
                if isinstance(node, ast.expr) and _readable(node):
                    yield Place(parent, name, index if isinstance(held, list) else None)


def _readable(node: ast.expr) -> bool:
    """Return whether an expression is read, and no text, such as a docstring."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    stored = isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
    return not stored and not isinstance(node, ast.Starred | ast.Slice | ast.JoinedStr)
