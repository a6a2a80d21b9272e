"""Decision trees as genomes: frozen records, and pure functions of them."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from math import isfinite
from typing import TypeAlias

from evollm.errors import EvollmError

DEEPEST = 64
"""Most splits on a path of any tree that is grown: functions of trees recurse, a call a level."""
MOST_NODES = 2**11 - 1
"""Most nodes of any tree that is grown: as many as fill a depth of 10."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of a path.

    Attributes:
        value: The index of a class, or a number.
    """

    value: float


@dataclass(frozen=True, slots=True)
class Split:
    """A question about one column: rows for which it holds go left, the others right.

    Numbers are compared in single precision, ``float32(x) <= float32(threshold)``, as scikit-learn
    rounds its data: so a threshold written in decimals includes the value written alike.

    Attributes:
        feature: Index of the column.
        threshold: The largest number that goes left; 0 if the column holds categories.
        left: Where the rows go that are at most the threshold, or in ``categories``.
        right: Where the others go.
        categories: Codes that go left, ascending; empty if the column holds numbers.
        missing_left: Where rows go that lack the number.
    """

    feature: int
    threshold: float
    left: "Tree"
    right: "Tree"
    categories: tuple[int, ...] = ()
    missing_left: bool = False

    def __post_init__(self) -> None:
        if not isfinite(self.threshold):
            raise EvollmError(f"a tree's threshold must be finite, not {self.threshold}")
        if self.feature < 0:
            raise EvollmError(f"a tree's feature is a column's index from 0, not {self.feature}")


Tree: TypeAlias = Leaf | Split


def depth(tree: Tree) -> int:
    """Return the longest number of splits on a path; 0 for a lone leaf."""
    if isinstance(tree, Leaf):
        return 0
    return 1 + max(depth(tree.left), depth(tree.right))


def size(tree: Tree) -> int:
    """Return the number of nodes, leaves included."""
    if isinstance(tree, Leaf):
        return 1
    return 1 + size(tree.left) + size(tree.right)


def extents(tree: Tree) -> list[tuple[int, int]]:
    """Return depth and size of the subtree at every node, in the order of ``walk``."""
    nodes = [node for _, node in walk(tree)]
    found = [(0, 1)] * len(nodes)
    for place in reversed(range(len(nodes))):
        if isinstance(nodes[place], Split):
            left = found[place + 1]
            right = found[place + 1 + left[1]]
            found[place] = (1 + max(left[0], right[0]), 1 + left[1] + right[1])
    return found


def walk(tree: Tree) -> Iterator[tuple[int, Tree]]:
    """Yield every node with its level from 0, parents before children and left before right."""
    waiting = [(0, tree)]
    while waiting:
        level, node = found = waiting.pop()
        yield found
        if type(node) is Split:
            waiting.append((level + 1, node.right))
            waiting.append((level + 1, node.left))


def leaves(tree: Tree) -> list[Leaf]:
    """Return the leaves from left to right."""
    found = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Leaf):
            found.append(node)
        else:
            waiting += (node.right, node.left)
    return found


def splits(tree: Tree) -> list[Split]:
    """Return the inner nodes in the order of ``walk``."""
    found = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Split):
            found.append(node)
            waiting += (node.right, node.left)
    return found


def with_leaves(tree: Tree, values: Iterable[float]) -> Tree:
    """Return a tree with other values at its leaves.

    Args:
        tree: Whose splits to keep.
        values: One per leaf, from left to right; whole numbers for classes.

    Raises:
        EvollmError: If there are too few or too many.
    """
    listed = list(values)
    if len(listed) != (count := len(leaves(tree))):
        raise EvollmError(f"{count} leaves need as many values, not {len(listed)}")
    return _with_leaves(tree, iter(listed))


def _with_leaves(tree: Tree, values: Iterator[float]) -> Tree:
    if isinstance(tree, Leaf):
        return Leaf(next(values))
    left = _with_leaves(tree.left, values)
    return replace(tree, left=left, right=_with_leaves(tree.right, values))


def replaced(tree: Tree, place: int, new: Tree) -> Tree:
    """Return a tree with another subtree at one place.

    Args:
        tree: Where to put it.
        place: The number of the node that gives way, in the order of ``walk``; 0 is the root.
        new: The subtree to put there.

    Raises:
        EvollmError: If the tree has no such place.
    """
    if place == 0:
        return new
    if isinstance(tree, Leaf) or place < 0:
        raise EvollmError("there is no such place in the tree: places run from 0 to its size - 1")
    right = place - 1 - size(tree.left)
    if right < 0:
        return replace(tree, left=replaced(tree.left, place - 1, new))
    return replace(tree, right=replaced(tree.right, right, new))


def cut(tree: Tree, most: int) -> Tree:
    """Return a tree of at most a depth: what is deeper gives way to the leftmost leaf below it."""
    if isinstance(tree, Leaf):
        return tree
    if most <= 0:
        return leaves(tree)[0]
    left, right = cut(tree.left, most - 1), cut(tree.right, most - 1)
    if left is tree.left and right is tree.right:
        return tree
    return replace(tree, left=left, right=right)


def merged(tree: Tree) -> Tree:
    """Return a tree without the splits between leaves that say the same; it predicts the same."""
    if isinstance(tree, Leaf):
        return tree
    left, right = merged(tree.left), merged(tree.right)
    if isinstance(left, Leaf) and left == right:
        return left
    return replace(tree, left=left, right=right)


def settled(tree: Tree, gaps: Collection[int]) -> Tree:
    """Return a tree that sends what is missing right wherever a column is not known to have gaps.

    No row that is known tells which way is better there, so trees that differ in nothing else are
    the same tree.

    Args:
        tree: Any tree.
        gaps: The indices of the columns that lack values in some rows.
    """
    if not any(split.missing_left and split.feature not in gaps for split in splits(tree)):
        return tree
    assert isinstance(tree, Split)
    return replace(
        tree,
        left=settled(tree.left, gaps),
        right=settled(tree.right, gaps),
        missing_left=tree.missing_left and tree.feature in gaps,
    )


def same_question(one: Split, other: Split) -> bool:
    """Return whether two splits test the same condition, whatever is below them."""
    return (one.feature, one.threshold, one.categories, one.missing_left) == (
        other.feature,
        other.threshold,
        other.categories,
        other.missing_left,
    )


def digest(tree: Tree, leaf_values: bool = True) -> str:
    """Return 16 hexadecimal digits that tell trees apart.

    Args:
        tree: Any tree.
        leaf_values: Whether the leaves' values count, too: they do not where a problem refits them.
    """
    parts = [
        (node.feature, float(node.threshold), node.categories, node.missing_left)
        if isinstance(node, Split)
        else (float(node.value) if leaf_values else None)
        for _, node in walk(tree)
    ]
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()
