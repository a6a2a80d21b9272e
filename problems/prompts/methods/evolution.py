"""Evolving Prompts In-Context: An Open-ended, Self-replicating Perspective, 2025, arXiv 2506.17930.

PromptQuine's search: prompts evolve by losing one to four tokens at a time.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from evollm.algorithms.duplicates import Distinct
from evollm.algorithms.mating import Breeder, Mating
from evollm.checks import positive
from evollm.errors import EvollmError
from evollm.search.flow import Flow, draw_seed, evaluate, seeded, survive, vary
from evollm.search.memo import Memo
from evollm.search.search import Search
from evollm.types import Candidate, Individual, Offspring, Parent
from operators.masks import Prune
from problems.prompts.fitness import PromptFitness
from problems.prompts.methods.method import Whole, length_of, unpruned
from problems.prompts.methods.survival import RULES, Survival, tournament
from problems.prompts.tokens import Mask

PATIENCE = 20
"""The search ends after so many generations in a row that bring no prompt not scored before."""
RATES = tuple(float(rate) for rate in np.linspace(0.05, 0.2, 10))
"""The shares of tokens that the prompts of a random start lack, on average."""


@dataclass(frozen=True)
class Evolution:
    """PromptQuine's evolutionary search.

    Attributes:
        form: generational breeds a whole generation from the survivors; steady breeds one child at
            a time, from the survivors and the children already born.
        population: Survivors.
        offspring: Attempts at a child per generation, and the reach of the survival rules.
        tournament: Share of the living that a parent must beat; drawn with replacement.
        fewest: Fewest tokens that a child loses.
        most: Most tokens that a child loses.
        survival: children keeps the best children; window the best of the last entries of survivors
            and children, as the reference code; age the best of the latest births.
        start: copies of the unpruned prompt, or random prunings of it.
        duplicates: ever: a child equal to a living prompt or to a sibling is not made, and one
            equal to a dead one takes over its score; living: only what equals a living prompt is
            not made, as in the reference code.
        min_length: The search ends when the survivors have so many prunable tokens left on average.
        lanes: Children that are scored at the same time in the steady form: as many as there are
            workers.
    """

    form: Literal["generational", "steady"] = "generational"
    population: int = 30
    offspring: int = 50
    tournament: float = 0.2
    fewest: int = 1
    most: int = 4
    survival: Survival = "children"
    start: Literal["copies", "random"] = "copies"
    duplicates: Literal["ever", "living"] = "ever"
    min_length: int = 15
    lanes: int = 1
    title: ClassVar[str] = "PromptQuine"
    reranks: ClassVar[bool] = True

    def __post_init__(self) -> None:
        positive(population=self.population, offspring=self.offspring, lanes=self.lanes)
        for name in ("form", "survival", "start", "duplicates"):
            known = get_args(type(self).__annotations__[name])
            if getattr(self, name) not in known:
                raise EvollmError(
                    f"{name} is one of {', '.join(known)}, not {getattr(self, name)!r}"
                )
        if not 0 < self.tournament <= 1:
            raise EvollmError(f"tournament must be above 0 and at most 1, not {self.tournament}")
        if self.lanes > 1 and self.form == "generational":
            raise EvollmError("lanes are of the steady form: set form='steady', or leave lanes out")
        check_losses(self.fewest, self.most)

    def flow(self, problem: PromptFitness, seed: int) -> Flow | Search:
        """Return the search; its first candidate is the unpruned prompt."""
        if self.form == "generational":
            return _generational(self, problem, seed)
        steady = _Steady(self, problem, seed)
        return Search(*[steady.lane(number) for number in range(self.lanes)])


def check_losses(fewest: int, most: int) -> None:
    """Check the numbers of tokens that a child loses.

    Raises:
        EvollmError: If one is not at least 1, or ``fewest`` is more than ``most``.
    """
    positive(fewest=fewest, most=most)
    if fewest > most:
        raise EvollmError(f"fewest must be at most {most}, the value of most, not {fewest}")


def _generational(settings: Evolution, problem: PromptFitness, seed: int) -> Flow:
    rng, memo = seeded(seed), Memo(problem.key)
    breeder = _breeder(settings, problem, rng)
    survivors = RULES[settings.survival]
    living = yield from _population(settings, problem, memo, rng)
    idle = _Idle()
    for step in count(1):
        if ending := _short(living, settings.min_length):
            return ending
        children = yield from breeder.breed(living, settings.offspring, step)
        if not children:
            return breeder.ending
        context = {"bar": min(one.fitness for one in living)}
        score = memo.evaluate if settings.duplicates == "ever" else evaluate
        born = yield from score(children, step=step, context=context)
        chosen = survivors(living, born, settings.population, settings.offspring)
        living = yield from survive(chosen, step)
        if settings.duplicates == "ever" and idle.note(memo.asked):
            return idle.ending


class _Steady:
    """The state that the lanes of a steady search share."""

    def __init__(self, settings: Evolution, problem: PromptFitness, seed: int) -> None:
        self._settings, self._problem = settings, problem
        self._rng, self._memo = seeded(seed), Memo(problem.key)
        self._breeder = _breeder(settings, problem, self._rng)
        self._living: list[Individual[Mask]] = []
        self._born: list[Individual[Mask]] = []
        self._attempts, self._step, self._ending = 0, 1, ""
        self._idle = _Idle()

    def lane(self, number: int) -> Flow:
        """Breed one child after the other until the search ends; the first lane starts it.

        The other lanes begin with a child of the unpruned prompt, whose score that child does not
        need.
        """
        if number:
            whole = yield from vary(Whole(len(self._problem.prompt.free)), [], 1, 0)
            yield from self._attempt((yield from self._breed_from(whole)))
        else:
            start = _population(self._settings, self._problem, self._memo, self._rng)
            self._living = yield from start
            self._ending = _short(self._living, self._settings.min_length)
        while not self._ending:
            pool = [*self._living, *self._born]
            yield from self._attempt((yield from self._breeder.breed(pool, 1, self._step)))
        return self._ending

    def _breed_from(self, whole: Sequence[Candidate[Mask]]) -> Generator[Any, Any, Any]:
        prune = _prune(self._settings)
        return (yield from vary(prune, whole, 1, draw_seed(self._rng), self._step))

    def _attempt(self, child: Sequence[Candidate[Mask]]) -> Generator[Any, Any, None]:
        """Score a child, if there is one, and end the generation after the last attempt."""
        score = self._memo.evaluate if self._settings.duplicates == "ever" else evaluate
        if child:
            self._born += yield from score(child, step=self._step)
        self._attempts += 1
        if self._attempts < self._settings.offspring or not self._living:
            return
        self._ending = "" if self._born else self._breeder.ending
        rule, size = RULES[self._settings.survival], self._settings.population
        chosen = rule(self._living, self._born, size, self._settings.offspring)
        self._living = yield from survive(chosen, self._step)
        self._born, self._attempts, self._step = [], 0, self._step + 1
        self._ending = self._ending or _short(self._living, self._settings.min_length)
        if self._settings.duplicates == "ever" and self._idle.note(self._memo.asked):
            self._ending = self._ending or self._idle.ending


class _Idle:
    """Counts the generations in a row whose children all took over the scores of dead prompts."""

    ending = f"{PATIENCE} generations brought no prompt that was not scored before"

    def __init__(self) -> None:
        self._asked = self._generations = 0

    def note(self, asked: int) -> bool:
        """Note how many scores were asked for so far; return whether it is time to end."""
        self._generations = self._generations + 1 if asked == self._asked else 0
        self._asked = asked
        return self._generations >= PATIENCE


@dataclass(frozen=True, slots=True)
class RandomPrunings:
    """Makes random prunings of the whole prompt, each with one of several rates.

    Attributes:
        length: Prunable tokens.
        rates: Of each child's rate one is drawn; each token is dropped with it.
    """

    length: int
    rates: tuple[float, ...] = RATES

    def vary(self, parents: Sequence[Parent[Mask]], n: int, seed: int) -> Offspring[Mask]:
        """Return ``n`` masks that keep one token at least, if there is one."""
        rng = np.random.default_rng(seed)
        rates = rng.choice(self.rates, n)
        masks = rng.random((n, self.length)) >= rates[:, None]
        if self.length:
            masks[np.arange(n), rng.integers(self.length, size=n)] |= ~masks.any(axis=1)
        return Offspring(list(masks))


def _population(
    settings: Evolution, problem: PromptFitness, memo: Memo, rng: np.random.Generator
) -> Generator[Any, Any, list[Individual[Mask]]]:
    """Score the first population: copies of one prompt are scored once."""
    length, size = len(problem.prompt.free), settings.population
    if settings.start == "copies":
        first = yield from vary(Whole(length), [], size, draw_seed(rng))
    else:
        yield from unpruned(problem, memo)
        first = yield from vary(RandomPrunings(length), [], size, draw_seed(rng))
    return (yield from survive((yield from memo.evaluate(first)), 0))


def _breeder(settings: Evolution, problem: PromptFitness, rng: np.random.Generator) -> Breeder:
    scopes: Any = ("living", "generation") if settings.duplicates == "ever" else "living"
    key = Distinct(problem.key, scopes, redraw=False)
    parents = tournament(settings.tournament)
    return Breeder(Mating(_prune(settings), arity=1), rng, key, parents)


def _prune(settings: Evolution) -> Prune:
    return Prune(settings.fewest, settings.most)


def _short(living: Sequence[Individual[Mask]], least: int) -> str:
    """Say that the survivors are short enough on average, if they are."""
    mean = np.mean([length_of(one) for one in living])
    return f"the survivors keep {mean:.3g} tokens on average (min_length={least})" * bool(
        mean <= least
    )
