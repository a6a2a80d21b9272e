"""What a model is shown of a search: which generations, which of their members, in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, TypeAlias

from numpy.random import Generator

from evollm.types import EvollmError, Individual
from operators.rows import encode

Rows: TypeAlias = list[Individual[Any]]


@dataclass(frozen=True, slots=True)
class Context:
    """Which rows a prompt holds; the numbers are ours, for we could not read the paper's.

    Attributes:
        generations: How many generations are kept.
        members: How many rows a kept generation shows.
        keep: Which generations: the ``last``, those with the ``best`` member, or ``random`` ones.
        choose: Which rows: the best ``within`` each generation; the best ``across`` all kept; for
            each generation the best of it and all before (``upto``); or ``random`` ones of each.
        order: Least to most by ``fitness`` of each generation's best row, or old to new (``time``).
    """

    generations: int = 5
    members: int = 5
    keep: Literal["last", "best", "random"] = "last"
    choose: Literal["within", "across", "upto", "random"] = "within"
    order: Literal["fitness", "time"] = "fitness"

    def __post_init__(self) -> None:
        if self.generations < 1 or self.members < 1:
            raise EvollmError("a context needs at least one generation and one member of each")


def select(
    history: Sequence[Rows], context: Context, resolution: int, rng: Generator
) -> list[Rows]:
    """Return the sections of a prompt, each least fit first, the most useful last.

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
    sections = [_least_first(rows) for rows in _choose(kept, finite, context, rng) if rows]
    if context.order == "fitness":
        sections.sort(key=lambda rows: rows[-1].fitness)
    return _distinct(sections, resolution)


def fittest(rows: Sequence[Individual[Any]], k: int) -> Rows:
    """Return the ``k`` rows of largest finite fitness, best first; of equal ones the older."""
    finite = [row for row in rows if isfinite(row.fitness)]
    return sorted(finite, key=lambda row: -row.fitness)[:k]


def _least_first(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: row.fitness)


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
