"""Mating: which parents breed with which operator, in fixed or adaptive shares."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator as Rng

from evollm.algorithms.broods import Broods
from evollm.algorithms.duplicates import Key, Seen
from evollm.algorithms.selection import tournament
from evollm.errors import EvollmError
from evollm.search.flow import Job, Vary, draw_seed, together
from evollm.types import Candidate, Individual, NothingUsable, Operator, Select

_ROUNDS = 3
Merit: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Mating:
    """One way to make children.

    Attributes:
        variation: The operator that makes ``brood`` children from ``arity`` parents.
        parents: Selects the parents; None for the algorithm's rule, usually a tournament of two.
        arity: Parents per job.
        brood: Children per job.
        share: Share of the children, relative to those of the other matings.
    """

    variation: Operator[Any]
    parents: Select | None = None
    arity: int = 2
    brood: int = 1
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.arity < 0 or self.brood < 1 or not 0 <= self.share < np.inf:
            raise EvollmError(
                "a mating needs an arity of at least 0, a brood of at least 1 and a share of at "
                f"least 0, not {self.arity}, {self.brood} and {self.share}"
            )


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Matings whose shares follow their success, by a bandit with discounted counts.

    They are chosen by Thompson sampling over discounted counts (Raj, Kalyani: Taming Non-stationary
    Bandits, 2017, https://arxiv.org/abs/1707.09727). A child is a success if it is fitter than all
    its parents.

    Attributes:
        matings: The arms.
        discount: Factor by which counts shrink after each generation.
        floor: Minimum probability of each arm.
    """

    matings: Sequence[Mating]
    discount: float = 0.9
    floor: float = 0.05

    def __post_init__(self) -> None:
        if not self.matings or not 0 < self.discount <= 1 or not 0 <= self.floor <= 1:
            raise EvollmError(
                "adaptive matings need at least one mating, and a discount and a floor between 0 "
                "and 1"
            )


Matings: TypeAlias = Operator[Any] | Mating | Sequence[Mating] | Adaptive
"""An algorithm's argument for its variation; an operator is short for a mating of two parents."""


class Breeder:
    """Breeds children for one flow; see ``Mating`` and ``Adaptive``.

    Args:
        matings: How children are made.
        rng: The flow's random generator.
        key: Which children are duplicates, which are dropped before they cost an evaluation; see
            ``Distinct``. None lets duplicates pass.
        parents: Selects the parents for matings without a rule.
    """

    def __init__(
        self, matings: Matings, rng: Rng, key: Key | None = None, parents: Select | None = None
    ) -> None:
        self._bandit = Bandit(matings) if isinstance(matings, Adaptive) else None
        self.matings = _listed(matings)
        self._rng = rng
        self._seen = Seen(key)
        self._rounds = _ROUNDS if self._seen.redraw else 1
        self._parents = parents or tournament(2)
        self._bred: dict[int, tuple[int, Merit]] = {}

    def breed(
        self, pool: Sequence[Individual[Any]], n: int, step: int
    ) -> Generator[Sequence[Job], list[Any], list[Candidate[Any]]]:
        """Ask for children of a pool, all jobs of a round at once, until there are ``n``.

        Returns:
            The children: fewer than ``n`` if three rounds made too few, and none only if all
            were duplicates; without redrawing, the children of one round.

        Raises:
            EvollmError: If the pool is empty.
            NothingUsable: If no operator made a valid child in three rounds.
        """
        if not pool:
            raise EvollmError(
                "the population is empty: the rule for survivors must return at least one "
                "individual"
            )
        merits = {one.id: one.merit for one in pool}
        self._seen.begin(pool, step)
        children: list[Candidate[Any]] = []
        made = 0
        for _ in range(self._rounds):
            asked = list(self._jobs(n - len(children), pool, step))
            answers = yield from together([job for _, job in asked])
            for (arm, _), answer in zip(asked, answers, strict=True):
                made += len(answer)
                fresh = list(self._seen.fresh(answer))
                children += fresh
                self._note(arm, fresh, merits)
            if len(children) >= n:
                break
        if not made and n and self._seen.redraw:
            raise NothingUsable(f"the variation made no valid child in {_ROUNDS} rounds")
        return children

    @property
    def redraws(self) -> bool:
        """Whether duplicates are redrawn."""
        return self._seen.redraw

    @property
    def ending(self) -> str:
        """Why nothing new could be bred, as text."""
        if not self._seen.redraw:
            return "nothing new was bred in a whole generation of attempts"
        return f"nothing new was bred: all children of {_ROUNDS} rounds were duplicates"

    def learn(self, scored: Sequence[Individual[Any]]) -> None:
        """Credit the matings for the children that are fitter than all their parents."""
        if self._bandit:
            bred = [(one.merit, *self._bred.pop(one.id)) for one in scored]
            self._bandit.learn((arm, merit > parents) for merit, arm, parents in bred)

    def _note(self, arm: int, born: Sequence[Candidate[Any]], merits: dict[int, Merit]) -> None:
        """Keep the parents' merit until the children are scored; lanes breed concurrently."""
        if self._bandit:
            for child in born:
                parents = [merits[k] for k in child.parents if k in merits]
                self._bred[child.id] = (arm, max(parents, default=(-np.inf, -np.inf)))

    def _plan(self, n: int) -> Iterator[tuple[int, int]]:
        """Yield the mating and the number of children of each job."""
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
        """Draw parents for ``n`` children, with one joint job per elementwise operator.

        Yields:
            The arm and the job.
        """
        for (arm, size), times in Counter(self._plan(n)).items():
            mating = self.matings[arm]
            draw = mating.parents or self._parents
            drawn = [
                draw(pool, mating.arity, self._rng) if mating.arity else [] for _ in range(times)
            ]
            for operator, parents, brood in _gathered(mating.variation, drawn, size):
                yield arm, Vary(operator, parents, brood, draw_seed(self._rng), step)


class Bandit:
    """Discounted Thompson sampling; see ``Adaptive``."""

    def __init__(self, settings: Adaptive) -> None:
        self._settings = settings
        self.wins = np.zeros(len(settings.matings))
        self.losses = np.zeros(len(settings.matings))

    def pick(self, rng: Rng) -> int:
        """Return the arm with the largest draw from its posterior."""
        size = len(self.wins)
        if rng.random() < self._settings.floor * size:
            return int(rng.integers(size))
        return int(np.argmax(rng.beta(1 + self.wins, 1 + self.losses)))

    def learn(self, results: Iterable[tuple[int, bool]]) -> None:
        """Discount the counts, and add the results of a generation."""
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
            f"{matings!r} is neither an operator nor a list of matings: decorate a function with "
            "@operator, or create an instance of an operator class"
        )
    if sum(mating.share for mating in found) <= 0:
        raise EvollmError("an algorithm needs at least one mating with a positive share")
    return found


def _gathered(
    operator: Operator[Any], drawn: list[list[Individual[Any]]], n: int
) -> Iterator[tuple[Operator[Any], list[Individual[Any]], int]]:
    """Yield the operator of each job: one joint job if the operator is elementwise."""
    arity = len(drawn[0])
    even = arity > 0 and all(len(parents) == arity for parents in drawn)
    if even and len(drawn) > 1 and getattr(operator, "elementwise", False):
        yield Broods(operator, arity, n), list(chain(*drawn)), n * len(drawn)  # type: ignore[arg-type]
        return
    for parents in drawn:
        yield operator, parents, n


def _apportioned(n: int, shares: Sequence[float]) -> list[int]:
    """Return integers in proportion to the shares that sum to ``n`` (largest remainders)."""
    exact = n * np.array(shares, dtype=np.float64) / sum(shares)
    whole = np.floor(exact).astype(int)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: n - int(whole.sum())]] += 1
    return [int(size) for size in whole]
