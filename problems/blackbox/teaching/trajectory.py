"""Trajectories: the generations and calls of a recorded search of the unit cube."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.runtime.result import Result
from evollm.store import queries, rows
from evollm.store.record import Record
from evollm.types import Candidate, Individual, Outcome
from problems.blackbox.context import Rows, fittest

Source: TypeAlias = Result[Any] | str | Path
"""A result, or a run directory."""
Target: TypeAlias = Literal["mean", "best"]


@contextmanager
def opened(source: Source) -> Iterator[Record]:
    """Open the record of a result or of a run directory for reading.

    Raises:
        EvollmError: If there is none.
    """
    if isinstance(source, Result):
        yield source.record
        return
    with Record(source, write=False) as record:
        yield record


def generations(record: Record) -> list[Rows]:
    """Return a search's generations, oldest first, without an incomplete one.

    Raises:
        EvollmError: If its genomes are not points of the unit cube.
    """
    found = sorted(rows.evaluations(record, whole=True), key=lambda one: one.step)
    members = [_individual(one) for one in found]
    if not all(_placed(row.genome) for row in members):
        raise EvollmError(
            f"the genomes of {record.path or 'the result'} are not points of the unit cube: give a "
            "search of numbers"
        )
    return [list(group) for _, group in groupby(members, lambda row: row.step)]


def _individual(one: rows.Evaluation) -> Individual[Any]:
    candidate = Candidate(one.candidate, one.genome, one.parents, one.operator, one.step)
    return Individual(candidate, Outcome(one.fitness, error=one.error))


def _placed(genome: Any) -> bool:
    vector = isinstance(genome, np.ndarray) and genome.dtype == np.float64 and genome.ndim == 1
    return vector and bool(((genome >= 0) & (genome <= 1)).all())


def target_of(record: Record, after: Rows, target: Target) -> NDArray[np.float64]:
    """Return the target of a generation, shape ``(D,)``.

    Args:
        record: The search's record.
        after: The generation, with at least one finite fitness.
        target: Its ``best`` point, or the ``mean`` around which it was sampled: the single parent
            of its members if they have one, otherwise their average.
    """
    if target == "best":
        best: NDArray[np.float64] = fittest(after, 1)[0].genome
        return best
    used = {number for one in after for number in one.parents}
    centres = {one.parents for one in after if one.id not in used}
    if len(centres) == 1 and len(only := centres.pop()) == 1:
        centre: NDArray[np.float64] = queries.candidate(record, only[0]).genome
        return centre
    return np.asarray(np.mean([one.genome for one in after], axis=0))


def calls(record: Record) -> list[tuple[str, str]]:
    """Return prompt and answer of each usable call with a single message."""
    usable = [call for call in rows.calls(record) if call.answer is not None and not call.error]
    found = [(_prompt(call.request), (call.answer or {})["text"]) for call in usable]
    return [(prompt, str(text)) for prompt, text in found if prompt is not None]


def _prompt(request: Mapping[str, Any]) -> str | None:
    """Return the text of a prompt, or of a chat's only message."""
    prompt = request["prompt"]
    if isinstance(prompt, str):
        return prompt
    return str(prompt[0]["content"]) if len(prompt) == 1 else None
