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
"""What a mutation may do: move a threshold, ask something else, write a subtree anew, change what a
leaf says, or put a leaf in a split's place."""


@dataclass(frozen=True, slots=True)
class RandomTrees:
    """Grows trees at random, whatever the parents; the root always splits.

    A tree has at most ``MOST_NODES`` nodes, which bounds those deeper than 10.

    Attributes:
        columns: What the trees may ask about.
        max_depth: Most splits on a path, 1 to ``DEEPEST``.
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
    """Puts a subtree of one parent in the place of one of another.

    Koza: Genetic Programming: On the Programming of Computers by Means of Natural Selection, 1992.

    Attributes:
        max_depth: Most splits on a path, 1 to ``DEEPEST``; only subtrees that fit are taken, which
            leave the child at most ``MOST_NODES`` nodes, or its parent's number if that is larger.
        inner: Probability that the place is a split's and not a leaf's, if there are both.
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
        columns: What the trees may ask about.
        max_depth: Most splits on a path, 1 to ``DEEPEST``.
        kinds: What may be done, drawn evenly: see ``KINDS``. Leave out ``leaf`` where the problem
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
            raise EvollmError(f"kinds of node mutation are {', '.join(KINDS)}, not {unknown}")

    def vary(self, parents: Sequence[Parent[Tree]], n: int, seed: int) -> Offspring[Tree]:
        """Return ``n`` children; their notes say what was done."""
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
        """Put a leaf in the place of a split, below the root if there is one."""
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
        columns: What it may ask about.
        most: Most splits on a path.
        rng: The source of chance.
        stop: Probability that a branch ends before its depth is used up.
        root: Whether this node must split if it may.
        room: Most nodes, shared evenly by the branches.
    """
    if most <= 0 or room < 3 or (not root and rng.random() < stop):
        return drawn_leaf(columns, rng)
    half = (room - 1) // 2
    left, right = (grown(columns, most - 1, rng, stop, room=half) for _ in range(2))
    return drawn_split(columns, left, right, rng)


def drawn_split(columns: Columns, left: Tree, right: Tree, rng: Generator) -> Tree:
    """Return a random question above two branches; the left one if no column tells rows apart."""
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
    """Return a leaf that says a random class or number; with an old one, another class."""
    if not columns.classes:
        return Leaf(float(rng.uniform(columns.low, columns.high)))
    others = [i for i in range(len(columns.classes)) if i != old]
    return Leaf(others[rng.integers(len(others))] if others else 0)


def _drawn(tree: Tree, rng: Generator, inner: float) -> tuple[int, int]:
    """Return place and level of a random node: a split with a probability, if there are both."""
    nodes = [(place, level, node) for place, (level, node) in enumerate(walk(tree))]
    wanted = Split if rng.random() < inner else Leaf
    pool = [found for found in nodes if isinstance(found[2], wanted)] or nodes
    place, level, _ = pool[rng.integers(len(pool))]
    return place, level


def _room(tree: Tree, place: int) -> int:
    """Return how many nodes a subtree may have to stand at a place."""
    whole = size(tree)
    return max(MOST_NODES - whole, 0) + size(_node(tree, place))


def _node(tree: Tree, place: int) -> Tree:
    return [node for _, node in walk(tree)][place]


def _near(threshold: float, offered: Sequence[float], rng: Generator) -> float:
    """Return an offered threshold near an old one, the same only if there is no other."""
    if not offered:
        return threshold
    at = int(np.searchsorted(offered, threshold))
    reach = max(1, len(offered) // 10)
    near = [t for t in offered[max(0, at - reach) : at + reach + 1] if t != threshold]
    return near[rng.integers(len(near))] if near else threshold


def _swapped(categories: tuple[int, ...], count: int, rng: Generator) -> tuple[int, ...]:
    """Return a set of categories with one more or one less, neither all nor none."""
    for code in rng.permutation(count).tolist():
        new = set(categories) ^ {code}
        if 0 < len(new) < count:
            return tuple(sorted(new))
    return categories


def _check(max_depth: int) -> None:
    if not 1 <= max_depth <= DEEPEST:
        raise EvollmError(f"trees need a max_depth of 1 to {DEEPEST}, not {max_depth}")
