"""The context of a prompt: which generations and members are shown, and in which order."""

from collections.abc import Generator as Iterator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import isfinite
from typing import Any, Literal, TypeAlias

from numpy.random import Generator

from evollm.checks import at_least
from evollm.errors import EvollmError
from evollm.search.flow import Job, draw_seed, evaluate, survive, vary
from evollm.types import Candidate, Individual
from operators.vectors.quadratic import QuadraticStep
from operators.vectors.quadratic import step as lowest_near
from operators.vectors.rows import RowFormat, encode
from operators.vectors.variation import Given, Uniform

Rows: TypeAlias = list[Individual[Any]]
Order: TypeAlias = Literal["fitness", "time", "descending", "random"]


@dataclass(frozen=True, slots=True)
class Context:
    """Which rows a prompt contains; the numbers are ours, as the paper's were not available.

    Attributes:
        generations: Number of generations in the context.
        members: Number of rows per generation.
        keep: Which generations: the ``last``, those with the ``best`` member, or ``random`` ones.
        choose: Which rows: the best ``within`` each generation; the best ``across`` all of them;
            for each generation the best of it and all earlier ones (``upto``); or ``random`` ones
            of each.
        order: Order of generations, ascending by the ``fitness`` of the best row, or by age, old to
            new (``time``), in both cases with rows in ascending order; the reverse of the first,
            with the best row at the beginning (``descending``); or ``random`` order of everything.
        permuted: Whether the losses of the shown rows are permuted at random before ordering: a
            control that shows whether the losses matter.
    """

    generations: int = 5
    members: int = 5
    keep: Literal["last", "best", "random"] = "last"
    choose: Literal["within", "across", "upto", "random"] = "within"
    order: Order = "fitness"
    permuted: bool = False

    def __post_init__(self) -> None:
        at_least(1, self, "generations", "members")


def check_order(form: RowFormat, context: Context) -> None:
    """Check that the header is true for the order of the rows.

    Raises:
        EvollmError: If the form has a header, which calls the last row the best, and the order is
            another one.
    """
    if form.header and context.order in ("descending", "random"):
        raise EvollmError(
            "the header calls the last row the best, which is wrong for the order "
            f"'{context.order}': omit the header"
        )


def select(
    history: Sequence[Rows], context: Context, resolution: int, rng: Generator
) -> list[Rows]:
    """Return the sections of a prompt, by default each in ascending order of fitness.

    Rows without a finite fitness are dropped, and of rows with equal integers only the fittest is
    kept (of equally fit ones the last shown).

    Args:
        history: All generations, oldest first.
        context: The settings.
        resolution: Resolution of the integers by which rows are compared.
        rng: Source of random choices.
    """
    finite = [[row for row in rows if isfinite(row.fitness)] for rows in history]
    kept = _keep([i for i, rows in enumerate(finite) if rows], finite, context, rng)
    sections = [rows for rows in _choose(kept, finite, context, rng) if rows]
    if context.permuted:
        sections = _permuted(sections, rng)
    sections = _distinct(_ordered(sections, context.order, rng), resolution)
    # Reversed only here, so that of equal rows the one nearest to the best has been kept.
    backwards = context.order == "descending"
    return [rows[::-1] for rows in sections[::-1]] if backwards else sections


def fittest(rows: Sequence[Individual[Any]], k: int) -> Rows:
    """Return the best ``k`` rows of finite fitness, best first; of equal ones the older."""
    finite = [row for row in rows if isfinite(row.fitness)]
    return sorted(finite, key=lambda row: row.merit, reverse=True)[:k]


def surviving(rows: Rows, k: int, step: int) -> Iterator[Any, Any, Rows]:
    """Announce the best ``k`` rows as survivors, and return them, best first.

    If they are scored again and all of that fails, they keep their earlier scores.

    Args:
        rows: Any rows.
        k: Number of survivors.
        step: Of the flow, in which this is used with ``yield from``.
    """
    before = fittest(rows, k)
    return fittest((yield from survive(before, step)), k) or before


def rescored(rows: Rows, best: Rows) -> Rows:
    """Return rows with the outcomes of those among the best, which may have been scored again."""
    fresh = {one.id: one for one in best}
    return [fresh.get(one.id, one) for one in rows]


def bottom(known: Rows, step: int) -> Iterator[Job, Any, list[Candidate[Any]]]:
    """Ask for the minimum of a quadratic function fitted to rows; none where there is none.

    Args:
        known: The rows.
        step: Of the flow, in which this is used with ``yield from``.
    """
    if lowest_near(known) is None:
        return []
    return (yield from vary(QuadraticStep(), known, 1, 0, step))


def deeper(steps: Rows, best: Rows) -> bool:
    """Return whether a step that ``bottom`` proposed is better than all points before it.

    Args:
        steps: The scored steps; there may be none.
        best: The best points before them, best first.
    """
    return any(isfinite(one.fitness) and one.merit > best[0].merit for one in steps)


def _ordered(sections: list[Rows], order: Order, rng: Generator) -> list[Rows]:
    if order == "random":
        mixed = [sections[i] for i in rng.permutation(len(sections))]
        return [[rows[i] for i in rng.permutation(len(rows))] for rows in mixed]
    sections = [sorted(rows, key=lambda row: row.merit) for rows in sections]
    if order != "time":
        sections.sort(key=lambda rows: rows[-1].merit)
    return sections


def _permuted(sections: list[Rows], rng: Generator) -> list[Rows]:
    """Permute the outcomes of rows; a row that is shown twice has the same outcome."""
    found = {row.id: row.outcome for rows in sections for row in rows}
    order, outcomes = rng.permutation(len(found)), list(found.values())
    dealt = {number: outcomes[i] for number, i in zip(found, order, strict=True)}
    return [[replace(row, outcome=dealt[row.id]) for row in rows] for rows in sections]


def _keep(places: list[int], finite: list[Rows], context: Context, rng: Generator) -> list[int]:
    """Return the indices of the kept generations, oldest first."""
    k = min(context.generations, len(places))
    if context.keep == "best":
        best = sorted(places, key=lambda i: max(row.merit for row in finite[i]), reverse=True)
        return sorted(best[:k])
    if context.keep == "random":
        return sorted(int(i) for i in rng.choice(places, k, replace=False)) if k else []
    return places[len(places) - k :]


def _choose(kept: list[int], finite: list[Rows], context: Context, rng: Generator) -> list[Rows]:
    """Return each kept generation's rows, ordered by age."""
    m = context.members
    if context.choose == "upto":
        return [fittest([row for rows in finite[: i + 1] for row in rows], m) for i in kept]
    if context.choose == "across":
        pool = [row for i in kept for row in finite[i]]
        return [_among(finite[i], fittest(pool, m * len(kept))) for i in kept]
    if context.choose == "random":
        return [_sample(finite[i], m, rng) for i in kept]
    return [_among(finite[i], fittest(finite[i], m)) for i in kept]


def _among(rows: Rows, chosen: Rows) -> Rows:
    ids = {row.id for row in chosen}
    return [row for row in rows if row.id in ids]


def _sample(rows: Rows, m: int, rng: Generator) -> Rows:
    places = rng.choice(len(rows), min(m, len(rows)), replace=False)
    return [rows[i] for i in sorted(places)]


def _distinct(sections: list[Rows], resolution: int) -> list[Rows]:
    """Drop rows with the same integers as a fitter row, or an equally fit one nearer the end."""
    winners: dict[bytes, tuple[tuple[float, float], int, int]] = {}
    for i, rows in enumerate(sections):
        for j, row in enumerate(rows):
            key = encode(row.genome, resolution).tobytes()
            rank = (row.merit, i, j)
            winners[key] = max(winners.get(key, rank), rank)
    alive = {(i, j) for _, i, j in winners.values()}
    thinned = [[row for j, row in enumerate(s) if (i, j) in alive] for i, s in enumerate(sections)]
    return [rows for rows in thinned if rows]


Points: TypeAlias = tuple[tuple[float, ...], ...]
"""Points in the unit cube."""
Generations: TypeAlias = list[list[Individual[Any]]]


def warm_up(
    dimension: int, generations: int, population: int, start: Points, rng: Generator
) -> Iterator[Job, Any, Generations]:
    """Evaluate starting points and uniform samples, until two have a finite fitness.

    The samples form a stream that depends only on the seed, so that searches with the same seed
    evaluate the same points, whatever their number per step.

    Args:
        dimension: Of the unit cube.
        generations: Number of steps, beginning with step 0.
        population: Samples per step.
        start: Points to evaluate before the samples.
        rng: The flow's generator; one draw is taken.
    """
    seed = draw_seed(rng)
    history: Generations = []
    for step in count():
        given = yield from vary(Given(start), [], len(start) if step == 0 else 0, 0, step)
        sampler = Uniform(dimension, step * population)
        children = yield from vary(sampler, [], population, seed, step)
        history.append((yield from evaluate(given + children, step=step)))
        finite = sum(isfinite(one.fitness) for scored in history for one in scored)
        if step + 1 >= generations and finite >= 2:
            break
    return history
