"""Families: the births, scores and model calls of a record's candidates, for lineages."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import inf

from evollm.store.queries import FINALS
from evollm.store.record import Record
from evollm.store.rows import VIOLATED
from evollm.types import JSON


@dataclass(frozen=True, slots=True)
class Birth:
    """How a candidate was made.

    Attributes:
        candidate: Its id.
        job: The job that made it.
        operator: Name of the operator.
        step: The step in which it was made.
        parents: Ids of the candidates that it was made from.
    """

    candidate: int
    job: int
    operator: str
    step: int
    parents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """The latest evaluation of a candidate.

    Attributes:
        fitness: Larger is better.
        text: The genome in readable form; None if no system wrote it.
        error: Why the evaluation failed, if it did.
        bound: Whether it was cut short, so that the fitness is only a bound.
        violation: Total violation of the constraints; 0 for none.
    """

    fitness: float
    text: str | None
    error: str | None
    bound: bool
    violation: float = 0.0

    @property
    def merit(self) -> tuple[float, float]:
        """What scores are compared by, see ``evollm.types.Outcome.merit``."""
        return -inf if self.error is not None else -self.violation, self.fitness


@dataclass(frozen=True, slots=True)
class Took:
    """What one model call took.

    Attributes:
        model: Name of the model.
        error: Why the answer was unusable, if it was.
        tokens: Tokens of the prompt and of the answer.
        seconds: Duration of the call.
        cost: Money paid; None if unknown.
        cached: Whether the answer came from the cache.
    """

    model: str
    error: str | None
    tokens: tuple[int, int]
    seconds: float
    cost: float | None
    cached: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded model call with its texts.

    Attributes:
        job: The job that made the call.
        key: Hash of the request.
        request: The whole request.
        answer: The completion as JSON; None if the call failed.
        took: What it took.
    """

    job: int
    key: str
    request: Mapping[str, JSON]
    answer: Mapping[str, JSON] | None
    took: Took


def births(record: Record) -> dict[int, Birth]:
    """Return how each candidate was made, by id."""
    found = record.rows(
        "SELECT c.id, c.job, name, step, coalesce(c.parents, j.parents)"
        " FROM candidates c JOIN jobs j ON j.id = c.job ORDER BY c.id"
    )
    return {
        number: Birth(number, job, name, step, tuple(record.parsed(parents)))
        for number, job, name, step, parents in found
    }


def genomes(record: Record) -> list[tuple[int, str | bytes]]:
    """Return step and stored genome of each candidate, in the order of steps."""
    return [
        (step, stored)
        for step, stored in record.rows(
            "SELECT step, genome FROM candidates c JOIN jobs j ON j.id = c.job ORDER BY step, c.id"
        )
    ]


def scores(record: Record, candidates: Collection[int]) -> dict[int, Score]:
    """Return the latest score of each evaluated one of the candidates, its own or a reused one."""
    listed = json.dumps(sorted(candidates))
    source = dict(
        record.rows(
            "SELECT candidate, source FROM reuses"
            " WHERE candidate IN (SELECT value FROM json_each(?)) ORDER BY id",
            (listed,),
        )
    )
    found = {
        number: Score(fitness, text, error, bool(bound), violated)
        for number, fitness, text, error, bound, violated in record.rows(
            f"SELECT candidate, fitness, text, error, bound, {VIOLATED} FROM outcomes o"
            " WHERE candidate IN (SELECT value FROM json_each(?)) ORDER BY job, place",
            (json.dumps(sorted({*candidates, *source.values()})),),
        )
    }
    reused = {one: found[of] for one, of in source.items() if of in found}
    return reused | {number: score for number, score in found.items() if number in candidates}


def written(record: Record, candidates: Collection[int]) -> dict[int, str | bytes]:
    """Return the stored genomes of candidates, as repaired by their latest evaluation."""
    listed = (json.dumps(sorted(candidates)),)
    made = record.rows(
        "SELECT id, genome FROM candidates WHERE id IN (SELECT value FROM json_each(?))", listed
    )
    repaired = record.rows(
        "SELECT candidate, repaired FROM outcomes WHERE repaired IS NOT NULL"
        " AND candidate IN (SELECT value FROM json_each(?)) ORDER BY job",
        listed,
    )
    return dict(made) | dict(repaired)


def answer_keys(record: Record, candidates: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Return the keys of the answers that candidates were made of, where the operator says it."""
    found = record.rows(
        "SELECT id, calls FROM candidates"
        " WHERE calls IS NOT NULL AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(candidates)),),
    )
    return {number: tuple(record.parsed(keys)) for number, keys in found}


def exchanges(record: Record, jobs: Collection[int]) -> Iterator[Exchange]:
    """Yield the model calls of jobs, in their order."""
    found = record.rows(
        "SELECT job, key, request, answer, model, error, prompt_tokens, completion_tokens, seconds,"
        " cost, cached FROM calls WHERE job IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(sorted(jobs)),),
    )
    for job, key, request, answer, *took in found:
        said = record.parsed(answer) if answer else None
        yield Exchange(job, key, record.parsed(request), said, _took(*took))


def calls(record: Record) -> list[Took]:
    """Return what each model call of the search took; those that score finalists are left out."""
    found = record.rows(
        "SELECT model, error, prompt_tokens, completion_tokens, seconds, cost, cached FROM calls"
        " WHERE job != ? ORDER BY id",
        (FINALS,),
    )
    return [_took(*row) for row in found]


def _took(
    model: str,
    error: str | None,
    prompt: int,
    completion: int,
    seconds: float,
    cost: float | None,
    cached: int,
) -> Took:
    return Took(model, error, (prompt, completion), seconds, cost, bool(cached))
