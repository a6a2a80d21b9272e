"""Classical variation of Python source: constants, operators, names and subexpressions change."""

import ast
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evollm.errors import EvollmError
from evollm.types import Offspring, Parent
from operators.programs.places import places, tree_of, written
from operators.programs.source import Frame, Unusable, marks

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_TRIES = 20


@dataclass(frozen=True)
class GivenPrograms:
    """Returns given blocks, as the initial population.

    Attributes:
        blocks: The blocks.
    """

    blocks: tuple[str, ...]

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[str]:
        """Return the first ``n`` blocks."""
        return Offspring(list(self.blocks[:n]))


@dataclass(frozen=True)
class MutateSource:
    """Changes a few expressions of a Python block at random, as a control without a model.

    A number is scaled or replaced, an arithmetic operator or a comparison is replaced by another
    one, a name by another name that the block reads, and an expression by another one of the block,
    by one of its own parts, or by an operation on it. The code loses its comments and layout.

    Attributes:
        frame: The fixed parts of the program, in Python.
        edits: Maximum number of changes per child.
        size: Maximum number of nodes of a child's syntax tree; longer children are drawn
            again.
    """

    frame: Frame
    edits: int = 3
    size: int = 400

    def __post_init__(self) -> None:
        if not self.frame.python:
            raise EvollmError(
                "only Python source can be mutated without a model: use the method model"
            )
        if self.edits < 1:
            raise EvollmError(f"edits must be at least 1, not {self.edits}")

    def vary(self, parents: Sequence[Parent[str]], n: int, seed: int) -> Offspring[str]:
        """Return up to ``n`` children of the first parent."""
        rng = np.random.default_rng(seed)
        made = [child for _ in range(n) if (child := self._child(parents[0].genome, rng))]
        missing = n - len(made)
        rejected = {"no valid change was drawn": missing} if missing else {}
        return Offspring(made, rejected=rejected, parents=[[0]] * len(made))

    def _child(self, block: str, rng: np.random.Generator) -> str | None:
        """Return a changed block that is valid; None if none was drawn."""
        known = self.frame.key(block)
        for _ in range(_TRIES):
            try:
                tree = tree_of(block)
                for _ in range(int(rng.integers(1, self.edits + 1))):
                    _change(tree, rng)
                if sum(1 for _ in ast.walk(tree)) > self.size:
                    continue
                child = self.frame.checked(written(tree, block))
            except (Unusable, RecursionError):
                continue
            if self.frame.key(child) != known and not marks(child):
                return child
        return None


def _change(tree: ast.Module, rng: np.random.Generator) -> None:
    """Change one expression of a tree in place."""
    found = places(tree)
    if not found:
        raise Unusable("there is no expression to change")
    place = found[rng.integers(len(found))]
    place.put(_changed(place.node, tree, rng))


def _changed(node: ast.expr, tree: ast.Module, rng: np.random.Generator) -> ast.expr:
    """Return another expression in place of one."""
    ways: list[Callable[[], ast.expr]] = [
        lambda: _other(tree, rng),
        lambda: _grown(node, tree, rng),
    ]
    parts = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
    if parts:
        ways.append(lambda: copy.deepcopy(parts[rng.integers(len(parts))]))
    if isinstance(node, ast.Constant) and not isinstance(node.value, bool):
        ways += [lambda: _number(node.value, rng)] * 4
    if isinstance(node, ast.BinOp | ast.Compare):
        ways += [lambda: _operated(node, rng)] * 3
    return ways[rng.integers(len(ways))]()


def _number(value: Any, rng: np.random.Generator) -> ast.expr:
    """Return a number near another one, or a small whole one; whole numbers stay whole."""
    if rng.random() < 0.2:
        return ast.Constant(int(rng.integers(0, 11)))
    if isinstance(value, int):
        step = max(1, abs(value) // 4)
        return ast.Constant(max(0, value + int(rng.integers(-step, step + 1))))
    return ast.Constant(float(f"{abs(value * np.exp(rng.normal(0, 0.5))):.4g}"))


def _operated(node: ast.expr, rng: np.random.Generator) -> ast.expr:
    """Return a comparison or an operation with another operator, or with its sides exchanged."""
    fresh = copy.deepcopy(node)
    if isinstance(fresh, ast.BinOp):
        if rng.random() < 0.3:
            fresh.left, fresh.right = fresh.right, fresh.left
        else:
            fresh.op = _ARITHMETIC[rng.integers(len(_ARITHMETIC))]()
    if isinstance(fresh, ast.Compare):
        fresh.ops[0] = _COMPARISONS[rng.integers(len(_COMPARISONS))]()
    return fresh


def _other(tree: ast.Module, rng: np.random.Generator) -> ast.expr:
    """Return a copy of another expression of the tree."""
    found = places(tree)
    return copy.deepcopy(found[rng.integers(len(found))].node)


def _grown(node: ast.expr, tree: ast.Module, rng: np.random.Generator) -> ast.expr:
    """Return an operation on an expression and another one or a number."""
    own = copy.deepcopy(node)
    other = _other(tree, rng) if rng.random() < 0.6 else _number(1.0, rng)
    sides = (own, other) if rng.random() < 0.5 else (other, own)
    return ast.BinOp(sides[0], _ARITHMETIC[rng.integers(len(_ARITHMETIC))](), sides[1])
