"""Rows: evaluations, calls and counts as a record holds them, for tables and reports."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from evollm.store.codec import shown
from evollm.store.record import Record
from evollm.types import JSON

STAND_IN = "stood in for"
"""How reasons begin that count children of another operator, and no attempts."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation, with what is known of the candidate's birth.

    Attributes:
        job: The ``Evaluate`` job.
        candidate: The candidate's id.
        step: The step in which it was evaluated.
        operator: Name of the operator that made it.
        parents: Ids of the candidates that it was made from.
        fidelity: Of the evaluation; None if the problem has one only.
        fitness: Larger is better.
        error: Why the evaluation failed, if it did.
        stored: The genome as the record keeps it; ``genome`` reads it.
        metrics: Further numbers by name.
        note: What the operator noted about the candidate.
        info: What the evaluation reported beside its numbers.
        text: The genome in readable form; None if no system wrote it.
        bound: Whether the evaluation was cut short, so that the fitness is a bound only.
        rung: What the fidelity means, in words; None if the flow did not say so.
    """

    job: int
    candidate: int
    step: int
    operator: str
    parents: tuple[int, ...]
    fidelity: int | None
    fitness: float
    error: str | None
    stored: str | bytes
    metrics: Mapping[str, float]
    note: JSON
    info: JSON
    text: str | None
    bound: bool
    rung: str | None

    @property
    def genome(self) -> Any:
        """The genome, as the evaluation left it; one of a class that is not loaded is a record."""
        return shown(self.stored)


@dataclass(frozen=True, slots=True)
class Called:
    """One recorded call of a model.

    Attributes:
        key: Hash of the request.
        request: The whole request.
        answer: The completion as JSON; None if the call failed.
        error: Why the answer was unusable, if it was.
    """

    key: str
    request: Mapping[str, JSON]
    answer: Mapping[str, JSON] | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operator was asked for, and what came of it.

    Attributes:
        jobs: How often it was asked.
        children: How many children it made.
        asked: How many genomes, or parts of them, it asked a model for.
        supplied: How many of these the model supplied.
        answers: Answers of the model.
        rejected: Attempts that it rejected, by reason.
    """

    jobs: int
    children: int
    asked: int
    supplied: int
    answers: int
    rejected: Mapping[str, int]


def evaluations(record: Record, whole: bool = False) -> list[Evaluation]:
    """Return the evaluations in the order of the jobs.

    Args:
        record: The run's.
        whole: Whether jobs that were cut short are left out.
    """
    found = record.rows(
        "SELECT o.job, o.candidate, e.step, v.name, coalesce(c.parents, v.parents), e.fidelity,"
        " o.fitness, o.error, coalesce(o.repaired, c.genome), o.metrics, c.note, o.info, o.text,"
        " o.bound, e.rung"
        " FROM outcomes o JOIN jobs e ON e.id = o.job JOIN candidates c ON c.id = o.candidate"
        f" JOIN jobs v ON v.id = c.job {'WHERE e.told IS NOT NULL' if whole else ''}"
        " ORDER BY o.job, o.place"
    )
    return [_evaluation(record, *row) for row in found]


def _evaluation(
    record: Record,
    job: int,
    candidate: int,
    step: int,
    operator: str,
    parents: str,
    fidelity: int | None,
    fitness: float,
    error: str | None,
    stored: str | bytes,
    metrics: str | None,
    note: str | None,
    info: str | None,
    text: str | None,
    bound: int,
    rung: str | None,
) -> Evaluation:
    return Evaluation(
        job,
        candidate,
        step,
        operator,
        tuple(record.parsed(parents)),
        fidelity,
        fitness,
        error,
        stored,
        record.parsed(metrics) if metrics else {},
        None if note is None else shown(note),
        None if info is None else shown(info),
        text,
        bool(bound),
        rung,
    )


def fitnesses(record: Record, bounds: bool = True) -> list[float]:
    """Return the fitness of each evaluation, in the order of the jobs.

    Args:
        record: The run's.
        bounds: Whether evaluations that were cut short have theirs, too, or minus infinity.
    """
    found = record.rows("SELECT fitness, bound FROM outcomes ORDER BY job, place")
    return [-inf if bound and not bounds else fitness for fitness, bound in found]


def reuses(record: Record) -> dict[int, int]:
    """Return which candidates took over a score, and from which candidate, by their ids."""
    return dict(record.rows("SELECT candidate, source FROM reuses ORDER BY id"))


def rungs(record: Record) -> list[tuple[str, int, int, int]]:
    """Return the rungs that the flow named: name, fidelity, evaluations, and how many cut short."""
    return [
        (rung, fidelity, evaluations, bounds)
        for rung, fidelity, evaluations, bounds in record.rows(
            "SELECT rung, fidelity, count(*), total(bound) FROM outcomes JOIN jobs ON jobs.id = job"
            " WHERE rung IS NOT NULL GROUP BY rung, fidelity ORDER BY min(jobs.id)"
        )
    ]


def steps(record: Record) -> list[int]:
    """Return the step of each evaluation, in the order of the jobs."""
    query = "SELECT step FROM outcomes JOIN jobs ON jobs.id = job ORDER BY job, place"
    return [step for (step,) in record.rows(query)]


def named(record: Record) -> list[tuple[int, float]]:
    """Return step and fitness of the best that the algorithm named, if it does, step by step."""
    return [
        (step, fitness)
        for step, fitness in record.rows("SELECT step, fitness FROM bests ORDER BY step")
    ]


def calls(record: Record, job: int | None = None) -> list[Called]:
    """Return the calls of a model in the order of asking; those of one job if it is named."""
    where, values = ("", ()) if job is None else (" WHERE job = ?", (job,))
    found = record.rows(f"SELECT key, request, answer, error FROM calls{where} ORDER BY id", values)
    return [
        Called(key, record.parsed(request), record.parsed(answer) if answer else None, error)
        for key, request, answer, error in found
    ]


def operators(record: Record) -> dict[str, Asked]:
    """Return what each operator was asked for, by name in the order of the first job."""
    answers = dict(
        record.rows(
            "SELECT name, count(*) FROM calls JOIN jobs ON jobs.id = job"
            " WHERE kind = 'vary' AND told IS NOT NULL GROUP BY name"
        )
    )
    children = dict(
        record.rows(
            "SELECT name, count(*) FROM candidates JOIN jobs ON jobs.id = job GROUP BY name"
        )
    )
    rejected: dict[str, Counter[str]] = {}
    for name, counts in record.rows(
        "SELECT name, rejected FROM jobs WHERE rejected IS NOT NULL AND told IS NOT NULL"
    ):
        rejected.setdefault(name, Counter()).update(record.parsed(counts))
    found = record.rows(
        "SELECT name, count(*), total(asked), total(supplied) FROM jobs"
        " WHERE kind = 'vary' AND told IS NOT NULL GROUP BY name ORDER BY min(id)"
    )
    return {
        name: Asked(
            jobs,
            children.get(name, 0),
            int(asked),
            int(supplied),
            answers.get(name, 0),
            rejected.get(name, {}),
        )
        for name, jobs, asked, supplied in found
    }


def rejections(record: Record) -> Counter[str]:
    """Return how many attempts operators rejected, by reason."""
    total: Counter[str] = Counter()
    for asked in operators(record).values():
        total.update(asked.rejected)
    return total


def failed_calls(record: Record, operator: str | None = None) -> Counter[str]:
    """Return how many calls of operators failed, by what went wrong.

    Args:
        record: The run's.
        operator: The operator whose calls are counted; None for all of them.
    """
    found = record.rows(
        "SELECT error FROM calls LEFT JOIN jobs ON jobs.id = job"
        " WHERE error NOT NULL AND coalesce(kind, 'vary') = 'vary'"
        " AND (? IS NULL OR name = ?) ORDER BY calls.id",
        (operator, operator),
    )
    return Counter(error for (error,) in found)


def failures(record: Record) -> Counter[str]:
    """Return how many evaluations and calls failed, by what went wrong."""
    found = record.rows("SELECT error FROM outcomes UNION ALL SELECT error FROM calls")
    return Counter(error for (error,) in found if error is not None)


def events(record: Record) -> list[tuple[str, str]]:
    """Return starts, resumes and stops, each with its detail, in order."""
    return [
        (kind, detail)
        for kind, detail in record.rows("SELECT kind, detail FROM events ORDER BY id")
    ]


def last_step(record: Record) -> int:
    """Return the last step in which a job was answered; 0 before any."""
    found = record.rows("SELECT coalesce(max(step), 0) FROM jobs WHERE told IS NOT NULL")
    return int(found[0][0])


def birth(record: Record, candidate: int) -> tuple[int, tuple[str, ...]]:
    """Return the job that made a candidate, and the keys of the answers that it was made of."""
    job, keys = record.rows("SELECT job, calls FROM candidates WHERE id = ?", (candidate,))[0]
    return job, tuple(record.parsed(keys)) if keys else ()


def scored(record: Record, candidate: int) -> tuple[float, str | None] | None:
    """Return a candidate's latest fitness and text, its own or reused; None if it has none."""
    found = record.rows(
        "SELECT fitness, text FROM outcomes WHERE candidate = ?1 OR candidate IN"
        " (SELECT source FROM reuses WHERE reuses.candidate = ?1)"
        " ORDER BY outcomes.candidate = ?1 DESC, job DESC LIMIT 1",
        (candidate,),
    )
    return found[0] if found else None
