"""What a model is shown of a search: which generations, which of their members, in which order."""

from collections.abc import Generator as Iterator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import isfinite
from typing import Any, Literal, TypeAlias

from numpy.random import Generator

from evollm.checks import at_least
from evollm.errors import EvollmError
from evollm.search.flow import Job, draw_seed, evaluate, vary
from evollm.types import Individual
from operators.vectors.rows import RowFormat, encode
from operators.vectors.variation import Given, Uniform

Rows: TypeAlias = list[Individual[Any]]
Order: TypeAlias = Literal["fitness", "time", "descending", "random"]


@dataclass(frozen=True, slots=True)
class Context:
    """Which rows a prompt holds; the numbers are ours, for we could not read the paper's.

    Attributes:
        generations: How many generations are kept.
        members: How many rows a kept generation shows.
        keep: Which generations: the ``last``, those with the ``best`` member, or ``random`` ones.
        choose: Which rows: the best ``within`` each generation; the best ``across`` all kept; for
            each generation the best of it and all before (``upto``); or ``random`` ones of each.
        order: Of generations, least to most by the ``fitness`` of the best row or old to new
            (``time``), their rows least to most in both; all of it backwards (``descending``), the
            best first; or all of it at ``random``.
        permuted: Whether the losses of the shown rows are dealt out anew at random before they are
            ordered: a control that tells whether the losses matter.
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
    """Refuse a header that says of rows what isn't so.

    Raises:
        EvollmError: If the form has a header, which calls the last row the best, and another order.
    """
    if form.header and context.order in ("descending", "random"):
        raise EvollmError(
            f"the header calls the last row the best, which the order '{context.order}' makes "
            "untrue: leave the header out"
        )


def select(
    history: Sequence[Rows], context: Context, resolution: int, rng: Generator
) -> list[Rows]:
    """Return the sections of a prompt; by default each least fit first, the most useful last.

    Rows without a finite fitness are dropped, and of rows with equal integers the fittest stays (of
    equally fit ones the last shown).

    Args:
        history: All generations, oldest first.
        context: What to show.
        resolution: Of the integers that tell rows apart.
        rng: Draws what is chosen at random.
    """
    finite = [[row for row in rows if isfinite(row.fitness)] for rows in history]
    kept = _keep([i for i, rows in enumerate(finite) if rows], finite, context, rng)
    sections = [rows for rows in _choose(kept, finite, context, rng) if rows]
    if context.permuted:
        sections = _permuted(sections, rng)
    sections = _distinct(_ordered(sections, context.order, rng), resolution)
    # Backwards only now: of equal rows the one beside the best must have stayed.
    backwards = context.order == "descending"
    return [rows[::-1] for rows in sections[::-1]] if backwards else sections


def fittest(rows: Sequence[Individual[Any]], k: int) -> Rows:
    """Return the ``k`` rows of largest finite fitness, best first; of equal ones the older."""
    finite = [row for row in rows if isfinite(row.fitness)]
    return sorted(finite, key=lambda row: -row.fitness)[:k]


def _ordered(sections: list[Rows], order: Order, rng: Generator) -> list[Rows]:
    if order == "random":
        mixed = [sections[i] for i in rng.permutation(len(sections))]
        return [[rows[i] for i in rng.permutation(len(rows))] for rows in mixed]
    sections = [sorted(rows, key=lambda row: row.fitness) for rows in sections]
    if order != "time":
        sections.sort(key=lambda rows: rows[-1].fitness)
    return sections


def _permuted(sections: list[Rows], rng: Generator) -> list[Rows]:
    """Give each row another's outcome; a row that is shown twice has one outcome."""
    found = {row.id: row.outcome for rows in sections for row in rows}
    order, outcomes = rng.permutation(len(found)), list(found.values())
    dealt = {number: outcomes[i] for number, i in zip(found, order, strict=True)}
    return [[replace(row, outcome=dealt[row.id]) for row in rows] for rows in sections]


def _keep(places: list[int], finite: list[Rows], context: Context, rng: Generator) -> list[int]:
    """Return the kept generations' places, oldest first."""
    k = min(context.generations, len(places))
    if context.keep == "best":
        best = sorted(places, key=lambda i: -max(row.fitness for row in finite[i]))
        return sorted(best[:k])
    if context.keep == "random":
        return sorted(int(i) for i in rng.choice(places, k, replace=False)) if k else []
    return places[len(places) - k :]


def _choose(kept: list[int], finite: list[Rows], context: Context, rng: Generator) -> list[Rows]:
    """Return each kept generation's rows in the order of their age."""
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
    """Drop rows whose integers another row shows that is fitter, or as fit and nearer the end."""
    winners: dict[bytes, tuple[float, int, int]] = {}
    for i, rows in enumerate(sections):
        for j, row in enumerate(rows):
            key = encode(row.genome, resolution).tobytes()
            rank = (row.fitness, i, j)
            winners[key] = max(winners.get(key, rank), rank)
    alive = {(i, j) for _, i, j in winners.values()}
    thinned = [[row for j, row in enumerate(s) if (i, j) in alive] for i, s in enumerate(sections)]
    return [rows for rows in thinned if rows]


Points: TypeAlias = tuple[tuple[float, ...], ...]
"""Places in the unit cube."""
Generations: TypeAlias = list[list[Individual[Any]]]


def warm_up(
    dimension: int, generations: int, population: int, start: Points, rng: Generator
) -> Iterator[Job, Any, Generations]:
    """Evaluate uniform samples, in step 0 behind the starting points; go on until two are finite.

    The samples are one stream that depends on the seed alone: however many a search takes, and in
    whatever portions, searches of the same seed see the same points.

    Args:
        dimension: Of the unit cube.
        generations: How many steps, from 0.
        population: Samples a step.
        start: Points to evaluate ahead of the samples.
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
