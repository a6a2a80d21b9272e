"""Decision trees as genomes: frozen records, and pure functions of them."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from math import isfinite
from typing import TypeAlias

from evollm.errors import EvollmError

DEEPEST = 64
"""Maximum number of splits on a path of a grown tree, as functions recurse once per level."""
MOST_NODES = 2**11 - 1
"""Maximum number of nodes of a grown tree: those of a full tree of depth 10."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of a path.

    Attributes:
        value: The index of a class, or a number.
    """

    value: float


@dataclass(frozen=True, slots=True)
class Split:
    """A test of one column: rows that pass it go left, the others right.

    Numbers are compared in single precision, ``float32(x) <= float32(threshold)``, as scikit-learn
    rounds its data: so a decimal threshold includes the value with the same decimals.

    Attributes:
        feature: Index of the column.
        threshold: The largest number that goes left; 0 if the column contains categories.
        left: Branch of the rows that are at most the threshold, or in ``categories``.
        right: Branch of the others.
        categories: Codes that go left, ascending; empty if the column contains numbers.
        missing_left: Whether rows with a missing value go left.
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
            raise EvollmError(
                f"a tree's feature must be the index of a column from 0, not {self.feature}"
            )


Tree: TypeAlias = Leaf | Split


def depth(tree: Tree) -> int:
    """Return the largest number of splits on a path; 0 for a single leaf."""
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
        tree: The tree whose splits are kept.
        values: One value per leaf, from left to right; whole numbers for classes.

    Raises:
        EvollmError: If there are too few or too many.
    """
    listed = list(values)
    if len(listed) != (count := len(leaves(tree))):
        raise EvollmError(f"{count} leaves need the same number of values, not {len(listed)}")
    return _with_leaves(tree, iter(listed))


def _with_leaves(tree: Tree, values: Iterator[float]) -> Tree:
    if isinstance(tree, Leaf):
        return Leaf(next(values))
    left = _with_leaves(tree.left, values)
    return replace(tree, left=left, right=_with_leaves(tree.right, values))


def replaced(tree: Tree, place: int, new: Tree) -> Tree:
    """Return a tree with another subtree at one place.

    Args:
        tree: The tree.
        place: The number of the replaced node in the order of ``walk``; 0 is the root.
        new: The new subtree.

    Raises:
        EvollmError: If the tree has no such place.
    """
    if place == 0:
        return new
    if isinstance(tree, Leaf) or place < 0:
        raise EvollmError("there is no such place in the tree: give 0 to its size - 1")
    right = place - 1 - size(tree.left)
    if right < 0:
        return replace(tree, left=replaced(tree.left, place - 1, new))
    return replace(tree, right=replaced(tree.right, right, new))


def cut(tree: Tree, most: int) -> Tree:
    """Return a tree of limited depth: deeper subtrees are replaced by their leftmost leaf."""
    if isinstance(tree, Leaf):
        return tree
    if most <= 0:
        return leaves(tree)[0]
    left, right = cut(tree.left, most - 1), cut(tree.right, most - 1)
    if left is tree.left and right is tree.right:
        return tree
    return replace(tree, left=left, right=right)


def merged(tree: Tree) -> Tree:
    """Return a tree without splits between equal leaves; it predicts the same."""
    if isinstance(tree, Leaf):
        return tree
    left, right = merged(tree.left), merged(tree.right)
    if isinstance(left, Leaf) and left == right:
        return left
    return replace(tree, left=left, right=right)


def settled(tree: Tree, gaps: Collection[int]) -> Tree:
    """Return a tree that sends missing values right in all columns without gaps.

    No known row shows which direction is better there, so trees that differ only in this count as
    equal.

    Args:
        tree: Any tree.
        gaps: The indices of the columns with missing values.
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
    """Return 16 hexadecimal digits that identify a tree.

    Args:
        tree: Any tree.
        leaf_values: Whether to include the leaves' values, which a problem may refit.
    """
    parts = [
        (node.feature, float(node.threshold), node.categories, node.missing_left)
        if isinstance(node, Split)
        else (float(node.value) if leaf_values else None)
        for _, node in walk(tree)
    ]
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()
