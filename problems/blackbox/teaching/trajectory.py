"""Trajectories: a recorded search of the unit cube, read back as generations and as calls."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.runtime.result import Result
from evollm.store import queries
from evollm.store.codec import decode
from evollm.store.record import Record
from evollm.types import Candidate, Individual, Outcome
from problems.blackbox.context import Rows, fittest

Source: TypeAlias = Result[Any] | str | Path
"""A result, or a run directory."""
Target: TypeAlias = Literal["mean", "best"]
WHOLE = """
    SELECT e.step, o.candidate, coalesce(o.repaired, c.genome), coalesce(c.parents, v.parents),
        v.name, o.fitness, o.error
    FROM outcomes o JOIN jobs e ON e.id = o.job JOIN candidates c ON c.id = o.candidate
        JOIN jobs v ON v.id = c.job
    WHERE e.told IS NOT NULL ORDER BY e.step, o.job, o.place
"""
ANSWERED = (
    "SELECT request, answer FROM calls WHERE answer IS NOT NULL AND error IS NULL ORDER BY id"
)


@contextmanager
def opened(source: Source) -> Iterator[Record]:
    """Lend the record of a result or of a run directory, to read.

    Raises:
        EvollmError: If there is none.
    """
    if isinstance(source, Result):
        yield source.record
        return
    with Record(source, write=False) as record:
        yield record


def generations(record: Record) -> list[Rows]:
    """Return a search's generations, oldest first; one that was cut short is left out.

    Raises:
        EvollmError: If its genomes are no places in the unit cube.
    """
    rows = [_individual(*row) for row in record.rows(WHOLE)]
    if not all(_placed(row.genome) for row in rows):
        raise EvollmError(
            f"the genomes of {record.path or 'the result'} are no places in the unit cube: give a "
            "search of numbers"
        )
    return [list(group) for _, group in groupby(rows, lambda row: row.candidate.step)]


def _individual(
    step: int, number: int, stored: Any, parents: str, name: str, fitness: float, error: str | None
) -> Individual[Any]:
    candidate = Candidate(number, decode(stored), tuple(json.loads(parents)), name, step)
    return Individual(candidate, Outcome(fitness, error=error))


def _placed(genome: Any) -> bool:
    vector = isinstance(genome, np.ndarray) and genome.dtype == np.float64 and genome.ndim == 1
    return vector and bool(((genome >= 0) & (genome <= 1)).all())


def target_of(record: Record, after: Rows, target: Target) -> NDArray[np.float64]:
    """Return where a generation went, shape ``(D,)``.

    Args:
        record: The search's.
        after: The generation, with at least one finite fitness.
        target: Its ``best`` point, or the ``mean`` that it was sampled around: the one parent of
            its members if they have one, else their average.
    """
    if target == "best":
        best: NDArray[np.float64] = fittest(after, 1)[0].genome
        return best
    used = {number for one in after for number in one.candidate.parents}
    centres = {one.candidate.parents for one in after if one.id not in used}
    if len(centres) == 1 and len(only := centres.pop()) == 1:
        centre: NDArray[np.float64] = queries.candidate(record, only[0]).genome
        return centre
    return np.asarray(np.mean([one.genome for one in after], axis=0))


def calls(record: Record) -> list[tuple[str, str]]:
    """Return prompt and answer of each usable call; those of longer talks are left out."""
    rows = record.rows(ANSWERED)
    found = [(_prompt(json.loads(request)), json.loads(answer)["text"]) for request, answer in rows]
    return [(prompt, str(text)) for prompt, text in found if prompt is not None]


def _prompt(request: dict[str, Any]) -> str | None:
    """Return the text of a prompt, or of a chat's only message."""
    prompt = request["prompt"]
    if isinstance(prompt, str):
        return prompt
    return str(prompt[0]["content"]) if len(prompt) == 1 else None
