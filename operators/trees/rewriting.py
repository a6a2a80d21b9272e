"""Rewriting of one subtree of the best parent by a model (ours)."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from evollm.errors import EvollmError
from evollm.llm.base import Completion
from evollm.types import JSON, Offspring, Parent, fitness_of
from operators.trees.genome import Tree, cut, replaced, walk
from operators.trees.line import write_around
from operators.trees.prompting import Page, TreePrompt, reading_note


@dataclass(frozen=True)
class SubtreeRewriting:
    """Removes a random subtree of the best parent, and lets the model continue the text before it.

    The prompt shows the parents in ascending order of fitness, then the best one's text up to the
    removed subtree, so the model must be able to continue a text (plain mode, one-line form).

    Attributes:
        asking: How the model is asked.
        leaves: Whether leaves may be replaced as well as splits.
    """

    asking: TreePrompt
    leaves: bool = True

    def __post_init__(self) -> None:
        if self.asking.mode != "plain" or self.asking.form != "line":
            raise EvollmError(
                "a subtree can be rewritten only in plain mode and one-line form: choose another "
                "operator for a model that only chats"
            )

    @property
    def io_bound(self) -> bool:
        """True: the call waits for a model."""
        return True

    def vary(self, parents: Sequence[Parent[Tree]], n: int, seed: int) -> Offspring[Tree]:
        """Return up to ``n`` children of the fittest parent, each with another subtree removed."""
        rng = np.random.default_rng(seed)
        order = sorted(range(len(parents)), key=lambda i: _fitness(parents[i]))
        tree = cut(self.asking.shown(parents[order[-1]]), self.asking.max_depth)
        shown = [self.asking.written(parents[i]) for i in order]
        drawn = [self._place(tree, rng) for _ in range(n)]
        rejected: Counter[str] = Counter()
        genomes: list[Tree] = []
        notes: list[JSON] = []
        calls: list[list[str]] = []
        whole = Page.of([parent.genome for parent in parents], shown, "", "")
        for (place, level), reply in zip(drawn, self._asked(tree, whole, drawn, seed), strict=True):
            cut_reply = replace(reply, text=_first(reply.text))
            found = self.asking.read(cut_reply, rejected, self.asking.max_depth - level)
            if found is None or found.tree is None:
                continue
            child = replaced(tree, place, found.tree)
            same = self.asking.text(child) == self.asking.text(tree)
            copied: dict[str, JSON] = {"copy": True} if same else {}
            genomes.append(child)
            notes.append({"place": place, **reading_note(found), **copied})
            calls.append([reply.key])
        own = [order] * len(genomes)
        return Offspring(genomes, notes, dict(rejected), own, n, len(genomes), calls)

    def _asked(
        self, tree: Tree, whole: Page, drawn: Sequence[tuple[int, int]], seed: int
    ) -> list[Completion]:
        """Return one answer per place; places with equal room are requested together.

        A place that is drawn again is requested separately with another seed, so that the answers
        differ.
        """
        replies: dict[int, Completion] = {}
        times = [drawn[:i].count(place) for i, place in enumerate(drawn)]
        rounds = [(level, time) for (_, level), time in zip(drawn, times, strict=True)]
        for level, time in sorted(set(rounds)):
            turns = [i for i, own in enumerate(rounds) if own == (level, time)]
            pages = [self._page(whole, tree, drawn[i][0]) for i in turns]
            depth = self.asking.max_depth - level
            made = self.asking.complete(pages, 1, seed + turns[0], depth=depth, lead=" ")
            replies |= {i: answers[0] for i, answers in zip(turns, made, strict=True)}
        return [replies[i] for i in range(len(drawn))]

    def _place(self, tree: Tree, rng: np.random.Generator) -> tuple[int, int]:
        """Return the number and the level of a node below the root with room for a subtree."""
        nodes = list(walk(tree))
        places = [
            (place, level)
            for place, (level, node) in enumerate(nodes)
            if level < self.asking.max_depth and (self.leaves or hasattr(node, "left"))
        ]
        places = [place for place in places if place[0] > 0] or places or [(0, 0)]
        return places[int(rng.integers(len(places)))]

    def _page(self, whole: Page, tree: Tree, place: int) -> Page:
        """Return a page with the text up to the removed subtree, without a trailing blank."""
        before, _ = write_around(tree, place, self.asking.columns)
        return replace(whole, query=before.rstrip(" "))


def _first(text: str) -> str:
    """Return the subtree at the beginning of a text: from a bracket, or the first word."""
    plain = text.lstrip()
    return plain if plain.startswith("(") else re.split(r"[\s()]", plain, maxsplit=1)[0]


def _fitness(parent: Parent[Tree]) -> float:
    value = fitness_of(parent)
    return value if isfinite(value) else float("-inf")
