"""The controls: no pruning, random pruning, and tokens dropped by what each is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

import numpy as np

from evollm.algorithms.duplicates import Distinct
from evollm.algorithms.mating import Breeder, Mating
from evollm.checks import positive
from evollm.search.flow import Flow, evaluate, seeded, survive, vary
from evollm.types import Offspring, Parent
from problems.prompts.fitness import PromptFitness
from problems.prompts.methods.method import Drop, unpruned
from problems.prompts.tokens import Mask


@dataclass(frozen=True)
class Unpruned:
    """Leaves the prompt as it is."""

    title: ClassVar[str] = "unpruned"
    reranks: ClassVar[bool] = False

    def flow(self, problem: PromptFitness, seed: int) -> Flow:
        """Return the search: one score."""
        yield from survive([(yield from unpruned(problem))], 0)
        return "the prompt is left as it is"


@dataclass(frozen=True)
class RandomPruning:
    """Random search: masks drawn uniformly among those of a drawn length.

    Attributes:
        lengths: Numbers of prunable tokens to draw from, such as those that another search came by;
            empty for all from one on.
        batch: How many are drawn at once.
    """

    lengths: tuple[int, ...] = ()
    batch: int = 50
    title: ClassVar[str] = "random pruning"
    reranks: ClassVar[bool] = True

    def __post_init__(self) -> None:
        positive(batch=self.batch)

    def flow(self, problem: PromptFitness, seed: int) -> Flow:
        """Return the search; it goes on until the budget ends it, or nothing new is drawn."""
        size = len(problem.prompt.free)
        lengths = tuple(n for n in self.lengths if 0 < n <= size) or tuple(range(1, size))
        if not lengths:
            yield from survive([(yield from unpruned(problem))], 0)
            return "the prompt has no token to prune"
        draw = Mating(OfLengths(size, lengths), arity=0, brood=self.batch)
        breeder = Breeder(draw, seeded(seed), Distinct(problem.key))
        best = yield from unpruned(problem)
        for step in count(1):
            drawn = yield from breeder.breed([best], self.batch, step)
            if not drawn:
                return breeder.ending
            scored = yield from evaluate(drawn, step=step)
            best = max([best, *scored], key=lambda one: (one.fitness, -one.id))
            yield from survive([best], step)


@dataclass(frozen=True, slots=True)
class OfLengths:
    """Draws masks uniformly among those that keep a drawn number of tokens.

    Attributes:
        size: Prunable tokens.
        lengths: The numbers to draw from, each 1 to ``size``.
    """

    size: int
    lengths: tuple[int, ...]

    def vary(self, parents: Sequence[Parent[Mask]], n: int, seed: int) -> Offspring[Mask]:
        """Return ``n`` masks, whatever the parents."""
        rng = np.random.default_rng(seed)
        masks = np.zeros((n, self.size), dtype=np.bool_)
        for mask, length in zip(masks, rng.choice(self.lengths, n), strict=True):
            mask[rng.choice(self.size, int(length), replace=False)] = True
        return Offspring([mask.copy() for mask in masks])


@dataclass(frozen=True)
class LeaveOneOut:
    """Attribution: drops tokens in the order of what the score loses without each alone.

    The whole prompt and every single removal are scored, then the prompts that lack the one, two,
    three and more tokens that are worth least.
    """

    title: ClassVar[str] = "leave one out"
    reranks: ClassVar[bool] = True

    def flow(self, problem: PromptFitness, seed: int) -> Flow:
        """Return the search: about two scores per prunable token."""
        whole = yield from unpruned(problem)
        size = len(problem.prompt.free)
        single = yield from vary(Drop(tuple(range(size))), [whole], size, 0, 1)
        scored = yield from evaluate(single, step=1)
        order = np.argsort([-one.fitness for one in scored], kind="stable").tolist()
        best = max([whole, *scored], key=lambda one: (one.fitness, -one.id))
        yield from survive([best], 1)
        if size > 2:
            dropped = yield from vary(DropFirst(tuple(order)), [whole], size - 2, 0, 2)
            found = yield from evaluate(dropped, step=2)
            best = max([best, *found], key=lambda one: (one.fitness, -one.id))
            yield from survive([best], 2)
        return "every length is scored"


@dataclass(frozen=True, slots=True)
class DropFirst:
    """Drops the first two, three and more tokens of an order.

    Attributes:
        order: Places among the prunable tokens, those to drop first at the beginning.
    """

    order: tuple[int, ...]

    def vary(self, parents: Sequence[Parent[Mask]], n: int, seed: int) -> Offspring[Mask]:
        """Return ``n`` children: the first lacks two tokens, the next three, and so on."""
        children = []
        for dropped in range(2, 2 + n):
            child = np.array(parents[0].genome, dtype=np.bool_)
            child[list(self.order[:dropped])] = False
            children.append(child)
        return Offspring(children)
