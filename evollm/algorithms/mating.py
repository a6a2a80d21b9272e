"""Mating: who breeds with whom and by which operator, in fixed shares or in shares that adapt."""

from collections import Counter
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator as Rng

from evollm.algorithms.broods import Broods
from evollm.algorithms.selection import tournament
from evollm.errors import EvollmError
from evollm.search.flow import Job, Vary, draw_seed, together
from evollm.types import Candidate, Individual, NothingUsable, Operator, Select

Key: TypeAlias = Callable[[Any], Hashable]
_ROUNDS = 3
KNOWN = f"nothing new was bred: all children of {_ROUNDS} rounds were genomes seen before"
"""What a flow with a key returns when it can't go on."""


@dataclass(frozen=True, slots=True)
class Mating:
    """One way to make children.

    Attributes:
        variation: Makes ``brood`` children of ``arity`` parents.
        parents: Draws the parents; None for the algorithm's own rule, mostly a tournament of two.
        arity: Parents of one variation.
        brood: Children of one variation.
        share: Of the children, relative to the shares of the other matings beside it.
    """

    variation: Operator[Any]
    parents: Select | None = None
    arity: int = 2
    brood: int = 1
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.arity < 0 or self.brood < 1 or not 0 <= self.share < np.inf:
            raise EvollmError(
                "a mating needs an arity of 0 or more, a brood of 1 or more and a share of 0 or "
                f"more, not {self.arity}, {self.brood} and {self.share}"
            )


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Matings whose shares follow their success: a bandit that forgets.

    Thompson sampling over discounted counts (Raj, Kalyani: Taming Non-stationary Bandits, 2017,
    https://arxiv.org/abs/1707.09727). A child is a success if it is fitter than all its parents.

    Attributes:
        matings: The arms.
        discount: What is left of a count after each generation.
        floor: Every arm's least probability of being chosen, whatever it has achieved.
    """

    matings: Sequence[Mating]
    discount: float = 0.9
    floor: float = 0.05

    def __post_init__(self) -> None:
        if not self.matings or not 0 < self.discount <= 1 or not 0 <= self.floor <= 1:
            raise EvollmError(
                "adaptive matings need an arm, and a discount and a floor within 0..1"
            )


Matings: TypeAlias = Operator[Any] | Mating | Sequence[Mating] | Adaptive
"""What an algorithm takes for its variation; an operator alone is a mating of two parents."""


class Breeder:
    """Breeds for a flow, whose state it is; see ``Mating`` and ``Adaptive``.

    Args:
        matings: How.
        rng: The flow's generator.
        key: What tells genomes apart: children that have been seen in the run are dropped before
            they cost an evaluation. None lets duplicates pass.
        parents: The rule for matings that have none.
    """

    def __init__(
        self, matings: Matings, rng: Rng, key: Key | None = None, parents: Select | None = None
    ) -> None:
        self._bandit = Bandit(matings) if isinstance(matings, Adaptive) else None
        self.matings = _listed(matings)
        self._rng = rng
        self._key = key
        self._parents = parents or tournament(2)
        self._seen: set[Hashable] = set()
        self._bred: dict[int, tuple[int, float]] = {}

    def breed(
        self, pool: Sequence[Individual[Any]], n: int, step: int
    ) -> Generator[Sequence[Job], list[Any], list[Candidate[Any]]]:
        """Ask for children of a pool, all jobs of a round together, until there are ``n``.

        Returns:
            The children; fewer than ``n`` if some rounds brought too few, none only if all that
            were made had been seen before.

        Raises:
            EvollmError: If nobody lives.
            NothingUsable: If no variation made a valid child in three rounds.
        """
        if not pool:
            raise EvollmError("there is no one to breed from: survivors must return an individual")
        fitness = {one.id: one.fitness for one in pool}
        if self._key:
            self._seen.update(self._key(one.genome) for one in pool)
        children: list[Candidate[Any]] = []
        made = 0
        for _ in range(_ROUNDS):
            asked = list(self._jobs(n - len(children), pool, step))
            answers = yield from together([job for _, job in asked])
            for (arm, _), answer in zip(asked, answers, strict=True):
                made += len(answer)
                fresh = list(self._unseen(answer))
                children += fresh
                self._note(arm, fresh, fitness)
            if len(children) >= n:
                break
        if not made and n:
            raise NothingUsable(f"the variation made no valid child in {_ROUNDS} rounds")
        return children

    def learn(self, scored: Sequence[Individual[Any]]) -> None:
        """Credit the matings with the children that turned out fitter than all their parents."""
        if self._bandit:
            bred = [(one.fitness, *self._bred.pop(one.id)) for one in scored]
            self._bandit.learn((arm, fitness > parents) for fitness, arm, parents in bred)

    def _note(self, arm: int, born: Sequence[Candidate[Any]], fitness: dict[int, float]) -> None:
        """Keep what there is to beat until the children are scored: lanes breed side by side."""
        if self._bandit:
            for child in born:
                parents = [fitness[k] for k in child.parents if k in fitness]
                self._bred[child.id] = (arm, max(parents, default=-np.inf))

    def _plan(self, n: int) -> Iterator[tuple[int, int]]:
        """Say which mating makes how many children in each job."""
        if self._bandit:
            while n > 0:
                arm = self._bandit.pick(self._rng)
                size = min(n, self.matings[arm].brood)
                yield arm, size
                n -= size
            return
        for arm, total in enumerate(_apportioned(n, [mating.share for mating in self.matings])):
            brood = self.matings[arm].brood
            yield from ((arm, min(brood, total - made)) for made in range(0, total, brood))

    def _jobs(
        self, n: int, pool: Sequence[Individual[Any]], step: int
    ) -> Iterator[tuple[int, Vary[Any]]]:
        """Draw parents for ``n`` children; what an elementwise operator can do at once is one job.

        Yields:
            The arm that is to do each job.
        """
        for (arm, size), times in Counter(self._plan(n)).items():
            mating = self.matings[arm]
            draw = mating.parents or self._parents
            drawn = [
                draw(pool, mating.arity, self._rng) if mating.arity else [] for _ in range(times)
            ]
            for operator, parents, brood in _gathered(mating.variation, drawn, size):
                yield arm, Vary(operator, parents, brood, draw_seed(self._rng), step)

    def _unseen(self, children: Iterable[Candidate[Any]]) -> Iterator[Candidate[Any]]:
        """Yield the children that the run has not seen, and remember them."""
        for child in children:
            if self._key:
                if (key := self._key(child.genome)) in self._seen:
                    continue
                self._seen.add(key)
            yield child


class Bandit:
    """Discounted Thompson sampling; see ``Adaptive``."""

    def __init__(self, settings: Adaptive) -> None:
        self._settings = settings
        self.wins = np.zeros(len(settings.matings))
        self.losses = np.zeros(len(settings.matings))

    def pick(self, rng: Rng) -> int:
        """Return the arm that looks best in one draw from what is believed of all."""
        size = len(self.wins)
        if rng.random() < self._settings.floor * size:
            return int(rng.integers(size))
        return int(np.argmax(rng.beta(1 + self.wins, 1 + self.losses)))

    def learn(self, results: Iterable[tuple[int, bool]]) -> None:
        """Fade what is known, and add what came of a generation's arms."""
        self.wins *= self._settings.discount
        self.losses *= self._settings.discount
        for arm, won in results:
            (self.wins if won else self.losses)[arm] += 1


def _listed(matings: Matings) -> list[Mating]:
    if isinstance(matings, Adaptive):
        return list(matings.matings)
    if isinstance(matings, Mating):
        return [matings]
    if isinstance(matings, Operator) and not isinstance(matings, type):
        return [Mating(matings)]
    found = list(matings) if isinstance(matings, Sequence) else []
    if not found or not all(isinstance(mating, Mating) for mating in found):
        raise EvollmError(
            f"{matings!r} is no operator and no list of matings: decorate a function with "
            "@operator, or make an object of an operator's class"
        )
    if sum(mating.share for mating in found) <= 0:
        raise EvollmError("an algorithm needs at least one mating with a positive share")
    return found


def _gathered(
    operator: Operator[Any], drawn: list[list[Individual[Any]]], n: int
) -> Iterator[tuple[Operator[Any], list[Individual[Any]], int]]:
    """Yield who does which jobs: one for all if the operator is elementwise, or one each."""
    arity = len(drawn[0])
    even = arity > 0 and all(len(parents) == arity for parents in drawn)
    if even and len(drawn) > 1 and getattr(operator, "elementwise", False):
        yield Broods(operator, arity, n), list(chain(*drawn)), n * len(drawn)  # type: ignore[arg-type]
        return
    for parents in drawn:
        yield operator, parents, n


def _apportioned(n: int, shares: Sequence[float]) -> list[int]:
    """Return whole numbers in proportion to the shares that sum to ``n`` (largest remainders)."""
    exact = n * np.array(shares, dtype=np.float64) / sum(shares)
    whole = np.floor(exact).astype(int)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: n - int(whole.sum())]] += 1
    return [int(size) for size in whole]
