"""Classical variation of decision trees: random trees, subtree crossover and node mutation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator

from evollm.errors import EvollmError
from evollm.types import Offspring, Parent
from operators.trees.columns import Columns
from operators.trees.genome import (
    DEEPEST,
    MOST_NODES,
    Leaf,
    Split,
    Tree,
    cut,
    extents,
    replaced,
    size,
    walk,
)

Change: TypeAlias = Callable[["NodeMutation", Tree, Generator], Tree]
KINDS = ("threshold", "feature", "subtree", "leaf", "prune")
"""Kinds of mutation: move a threshold, test another column, replace a subtree, change a leaf's
value, or replace a split by a leaf."""


@dataclass(frozen=True, slots=True)
class RandomTrees:
    """Grows random trees, ignoring the parents; the root always splits.

    A tree has at most ``MOST_NODES`` nodes, which limits those deeper than 10.

    Attributes:
        columns: The columns that trees may test.
        max_depth: Maximum number of splits on a path, 1 to ``DEEPEST``.
        stop: Probability that a branch below the root ends before its depth is used up.
    """

    columns: Columns
    max_depth: int = 3
    stop: float = 0.2

    def __post_init__(self) -> None:
        _check(self.max_depth)

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Tree]:
        """Return ``n`` trees."""
        rng = np.random.default_rng(seed)
        return Offspring(
            [grown(self.columns, self.max_depth, rng, self.stop, root=True) for _ in range(n)],
            parents=[[] for _ in range(n)],
        )


@dataclass(frozen=True, slots=True)
class SubtreeCrossover:
    """Replaces a subtree of one parent by a subtree of another.

    Koza: Genetic Programming: On the Programming of Computers by Means of Natural Selection, 1992.

    Attributes:
        max_depth: Maximum number of splits on a path, 1 to ``DEEPEST``; only subtrees that fit are
            used, with which the child has at most ``MOST_NODES`` nodes, or its parent's number if
            larger.
        inner: Probability that a split and not a leaf is replaced, if there are both.
    """

    max_depth: int = 3
    inner: float = 0.9

    def __post_init__(self) -> None:
        _check(self.max_depth)

    def vary(self, parents: Sequence[Parent[Tree]], n: int, seed: int) -> Offspring[Tree]:
        """Return ``n`` children, each of two parents drawn from those given."""
        rng = np.random.default_rng(seed)
        genomes = [cut(parent.genome, self.max_depth) for parent in parents]
        pairs = [rng.choice(len(genomes), 2, replace=len(genomes) < 2).tolist() for _ in range(n)]
        children = [self._cross(genomes[one], genomes[other], rng) for one, other in pairs]
        return Offspring(children, parents=pairs)

    def _cross(self, receiver: Tree, giver: Tree, rng: Generator) -> Tree:
        place, level = _drawn(receiver, rng, self.inner)
        most, room = self.max_depth - level, _room(receiver, place)
        nodes = zip(walk(giver), extents(giver), strict=True)
        fitting = [node for (_, node), (deep, wide) in nodes if deep <= most and wide <= room]
        splits = [node for node in fitting if isinstance(node, Split)]
        pool = splits if splits and rng.random() < self.inner else fitting
        return replaced(receiver, place, pool[rng.integers(len(pool))])


@dataclass(frozen=True, slots=True)
class NodeMutation:
    """Changes one node of a tree; several parents take turns.

    Attributes:
        columns: The columns that trees may test.
        max_depth: Maximum number of splits on a path, 1 to ``DEEPEST``.
        kinds: Kinds of mutation, drawn uniformly; see ``KINDS``. Omit ``leaf`` if the problem
            refits leaves.
        stop: As in ``RandomTrees``, for subtrees that are replaced.
    """

    columns: Columns
    max_depth: int = 3
    kinds: tuple[str, ...] = KINDS
    stop: float = 0.2

    def __post_init__(self) -> None:
        _check(self.max_depth)
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown or not self.kinds:
            raise EvollmError(f"kinds of node mutation must be {', '.join(KINDS)}, not {unknown}")

    def vary(self, parents: Sequence[Parent[Tree]], n: int, seed: int) -> Offspring[Tree]:
        """Return ``n`` children; their notes name the mutation."""
        rng = np.random.default_rng(seed)
        turns = [i % len(parents) for i in range(n)]
        made = [self._mutate(cut(parents[i].genome, self.max_depth), rng) for i in turns]
        notes = [{"kind": kind} for _, kind in made]
        return Offspring([tree for tree, _ in made], notes, parents=[[i] for i in turns])

    def _mutate(self, tree: Tree, rng: Generator) -> tuple[Tree, str]:
        kind = self.kinds[rng.integers(len(self.kinds))]
        if isinstance(tree, Leaf) and kind not in ("subtree", "leaf"):
            kind = "subtree"
        return CHANGES[kind](self, tree, rng), kind

    def _subtree(self, tree: Tree, rng: Generator) -> Tree:
        place, level = _drawn(tree, rng, 0.5)
        most, room = self.max_depth - level, _room(tree, place)
        return replaced(tree, place, grown(self.columns, most, rng, self.stop, place == 0, room))

    def _threshold(self, tree: Tree, rng: Generator) -> Tree:
        """Move a split's threshold to a near one, or swap one category."""
        place, _ = _drawn(tree, rng, 1.0)
        node = _node(tree, place)
        assert isinstance(node, Split)
        column = self.columns.columns[node.feature]
        if column.categories:
            new = replace(node, categories=_swapped(node.categories, len(column.categories), rng))
        else:
            new = replace(node, threshold=_near(node.threshold, column.thresholds, rng))
        return replaced(tree, place, new)

    def _feature(self, tree: Tree, rng: Generator) -> Tree:
        place, _ = _drawn(tree, rng, 1.0)
        node = _node(tree, place)
        assert isinstance(node, Split)
        return replaced(tree, place, drawn_split(self.columns, node.left, node.right, rng))

    def _leaf(self, tree: Tree, rng: Generator) -> Tree:
        place, _ = _drawn(tree, rng, 0.0)
        node = _node(tree, place)
        old = node.value if isinstance(node, Leaf) else None
        return replaced(tree, place, drawn_leaf(self.columns, rng, old))

    def _prune(self, tree: Tree, rng: Generator) -> Tree:
        """Replace a split by a leaf, below the root if possible."""
        inner = [i for i, (_, node) in enumerate(walk(tree)) if isinstance(node, Split)]
        below = inner[1:] or inner
        return replaced(tree, below[rng.integers(len(below))], drawn_leaf(self.columns, rng))


CHANGES: Mapping[str, Change] = {
    "threshold": NodeMutation._threshold,
    "feature": NodeMutation._feature,
    "subtree": NodeMutation._subtree,
    "leaf": NodeMutation._leaf,
    "prune": NodeMutation._prune,
}


def grown(
    columns: Columns,
    most: int,
    rng: Generator,
    stop: float = 0.2,
    root: bool = False,
    room: int = MOST_NODES,
) -> Tree:
    """Return a random tree.

    Args:
        columns: The columns that it may test.
        most: Maximum number of splits on a path.
        rng: The source of randomness.
        stop: Probability that a branch ends before its depth is used up.
        root: Whether this node must split if possible.
        room: Maximum number of nodes, divided evenly among the branches.
    """
    if most <= 0 or room < 3 or (not root and rng.random() < stop):
        return drawn_leaf(columns, rng)
    half = (room - 1) // 2
    left, right = (grown(columns, most - 1, rng, stop, room=half) for _ in range(2))
    return drawn_split(columns, left, right, rng)


def drawn_split(columns: Columns, left: Tree, right: Tree, rng: Generator) -> Tree:
    """Return a random split of two branches; the left branch if no column can be split."""
    useful = [i for i, c in enumerate(columns.columns) if c.thresholds or len(c.categories) > 1]
    if not useful:
        return left
    feature = useful[rng.integers(len(useful))]
    column = columns.columns[feature]
    missing = bool(rng.random() < 0.5) if column.gaps else False
    if column.categories:
        codes = rng.permutation(len(column.categories))
        chosen = codes[: 1 + rng.integers(len(codes) - 1)]
        return Split(feature, 0.0, left, right, tuple(sorted(chosen.tolist())), missing)
    threshold = column.thresholds[rng.integers(len(column.thresholds))]
    return Split(feature, threshold, left, right, (), missing)


def drawn_leaf(columns: Columns, rng: Generator, old: float | None = None) -> Leaf:
    """Return a leaf with a random class or number; given an old leaf, with another class."""
    if not columns.classes:
        return Leaf(float(rng.uniform(columns.low, columns.high)))
    others = [i for i in range(len(columns.classes)) if i != old]
    return Leaf(others[rng.integers(len(others))] if others else 0)


def _drawn(tree: Tree, rng: Generator, inner: float) -> tuple[int, int]:
    """Return place and level of a random node, a split with the given probability."""
    nodes = [(place, level, node) for place, (level, node) in enumerate(walk(tree))]
    wanted = Split if rng.random() < inner else Leaf
    pool = [found for found in nodes if isinstance(found[2], wanted)] or nodes
    place, level, _ = pool[rng.integers(len(pool))]
    return place, level


def _room(tree: Tree, place: int) -> int:
    """Return the maximum number of nodes of a subtree at a place."""
    whole = size(tree)
    return max(MOST_NODES - whole, 0) + size(_node(tree, place))


def _node(tree: Tree, place: int) -> Tree:
    return [node for _, node in walk(tree)][place]


def _near(threshold: float, offered: Sequence[float], rng: Generator) -> float:
    """Return an offered threshold near an old one; the same only if there is no other."""
    if not offered:
        return threshold
    at = int(np.searchsorted(offered, threshold))
    reach = max(1, len(offered) // 10)
    near = [t for t in offered[max(0, at - reach) : at + reach + 1] if t != threshold]
    return near[rng.integers(len(near))] if near else threshold


def _swapped(categories: tuple[int, ...], count: int, rng: Generator) -> tuple[int, ...]:
    """Return a set with one category added or removed, but neither all nor none."""
    for code in rng.permutation(count).tolist():
        new = set(categories) ^ {code}
        if 0 < len(new) < count:
            return tuple(sorted(new))
    return categories


def _check(max_depth: int) -> None:
    if not 1 <= max_depth <= DEEPEST:
        raise EvollmError(f"the max_depth of trees must be 1 to {DEEPEST}, not {max_depth}")
