"""What every way to prune shares: its interface, its first prompt, its operators."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from evollm.search.flow import Flow, evaluate, vary
from evollm.search.memo import Memo
from evollm.search.search import Search
from evollm.types import Individual, Offspring, Parent
from problems.prompts.fitness import PromptFitness
from problems.prompts.tokens import Mask


class Method(Protocol):
    """A way to prune; ``Evolution`` is PromptQuine's own.

    Attributes:
        title: Its name in tables.
        reranks: Whether the best prompts of the search are compared on more examples in the end; if
            not, the search's own best is the choice.
    """

    @property
    def title(self) -> str:
        """Its name in tables."""
        ...

    @property
    def reranks(self) -> bool:
        """Whether the best are compared on more examples in the end."""
        ...

    def flow(self, problem: PromptFitness, seed: int) -> Flow | Search:
        """Return the search; the first candidate that it scores is the unpruned prompt."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """Makes copies of the unpruned prompt.

    Attributes:
        length: Prunable tokens.
    """

    length: int

    def vary(self, parents: Sequence[Parent[Mask]], n: int, seed: int) -> Offspring[Mask]:
        """Return ``n`` masks that keep everything."""
        return Offspring([np.ones(self.length, dtype=np.bool_) for _ in range(n)])


@dataclass(frozen=True, slots=True)
class Drop:
    """Drops certain tokens.

    Attributes:
        places: Among the prunable tokens; each makes one child.
    """

    places: tuple[int, ...]

    def vary(self, parents: Sequence[Parent[Mask]], n: int, seed: int) -> Offspring[Mask]:
        """Return a child per place, up to ``n``, which lacks that token of the parent's."""
        children = []
        for place in self.places[:n]:
            child = np.array(parents[0].genome, dtype=np.bool_)
            child[place] = False
            children.append(child)
        return Offspring(children)


def unpruned(
    problem: PromptFitness, memo: Memo | None = None
) -> Generator[Any, Any, Individual[Mask]]:
    """Score the unpruned prompt: a sub-flow.

    Args:
        problem: What scores it.
        memo: What remembers the score, so that a pruning that changes no text takes it over.
    """
    made = yield from vary(Whole(len(problem.prompt.free)), [], 1, 0)
    [scored] = yield from (memo.evaluate if memo else evaluate)(made)
    return scored


def length_of(individual: Parent[Mask]) -> int:
    """Return how many prunable tokens a prompt keeps."""
    return int(np.sum(individual.genome))
