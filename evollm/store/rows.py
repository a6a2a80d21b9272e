"""Rows: evaluations, calls and counts of a record, for tables and reports."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from evollm.store.codec import shown
from evollm.store.record import Record
from evollm.types import JSON, VIOLATION, Outcome

STAND_IN = "stood in for"
"""Beginning of the reasons that count children of a stand-in instead of rejected attempts."""

_METRICS = "replace(replace(o.metrics, 'NaN', 'null'), 'Infinity', '9e999')"  # as SQL reads it
_MEASURED = f"json_extract({_METRICS}, '$.{VIOLATION}')"
VIOLATED = f"max(coalesce({_MEASURED}, 0.0), 0.0)"
"""Total violation of constraints of an outcome ``o``, in SQL: 0 for none."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation, and how the candidate was made.

    Attributes:
        job: The ``Evaluate`` job.
        candidate: The candidate's id.
        step: The step in which it was evaluated.
        operator: Name of the operator that made it.
        parents: Ids of the candidates that it was made from.
        fidelity: Fidelity of the evaluation; None if the problem has only one.
        fitness: Larger is better.
        error: Why the evaluation failed, if it did.
        stored: The genome as stored; ``genome`` decodes it.
        metrics: Additional numbers by name.
        note: The operator's note about the candidate.
        info: Additional information from the evaluation.
        text: The genome in readable form; None if no system wrote it.
        bound: Whether the evaluation was cut short, so that the fitness is only a bound.
        rung: Meaning of the fidelity as text; None if the flow did not name it.
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
        """The genome as repaired by the evaluation; a plain record if its class is not loaded."""
        return shown(self.stored)

    @property
    def merit(self) -> tuple[float, float]:
        """What evaluations are compared by, see ``Outcome.merit``."""
        return Outcome(self.fitness, self.metrics, self.error).merit


@dataclass(frozen=True, slots=True)
class Called:
    """One recorded model call.

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
    """What an operator was asked for, and what it made.

    Attributes:
        jobs: Number of jobs.
        children: Number of children that it made.
        asked: Number of genomes, or parts of them, that it requested from a model.
        supplied: Number of these that the model supplied.
        answers: Number of the model's answers.
        rejected: Number of rejected attempts, by reason.
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
        whole: Whether to omit incomplete jobs.
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


def fitnesses(record: Record, eligible: bool = False) -> list[float]:
    """Return the fitness of each evaluation, in the order of the jobs.

    Args:
        record: The run's.
        eligible: Whether evaluations that can't be the best, because they were cut short or are
            infeasible, count with minus infinity.
    """
    if not eligible:
        return [f for (f,) in record.rows("SELECT fitness FROM outcomes ORDER BY job, place")]
    query = (
        f"SELECT iif(o.bound OR {VIOLATED} > 0, -9e999, o.fitness) FROM outcomes o"
        " ORDER BY o.job, o.place"
    )
    return [fitness for (fitness,) in record.rows(query)]


def feasible(record: Record) -> int | None:
    """Return the number of evaluations that satisfy the constraints; None if there are none."""
    [(known, satisfied)] = record.rows(
        f"SELECT count({_MEASURED}), total({_MEASURED} <= 0) FROM outcomes o WHERE o.error IS NULL"
    )
    return int(satisfied) if known else None


def violation(record: Record, candidate: int) -> float:
    """Return the violation of constraints in a candidate's latest evaluation; 0 for none."""
    found = record.rows(
        f"SELECT {VIOLATED} FROM outcomes o WHERE o.candidate = ? AND o.error IS NULL"
        " ORDER BY o.job DESC LIMIT 1",
        (candidate,),
    )
    return float(found[0][0]) if found else 0.0


def reuses(record: Record) -> dict[int, int]:
    """Return the ids of the candidates with a reused score, and of those whose score it was."""
    return dict(record.rows("SELECT candidate, source FROM reuses ORDER BY id"))


def rungs(record: Record) -> list[tuple[str, int, int, int]]:
    """Return the rungs named by the flow: name, fidelity, evaluations, those cut short."""
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
    """Return step and fitness of each best individual that the algorithm named, if it does.

    The fitness of one that is infeasible is minus infinity.
    """
    found = record.rows(
        f"SELECT b.step, b.fitness, max({VIOLATED}) FROM bests b"
        " LEFT JOIN outcomes o ON o.candidate = b.candidate GROUP BY b.step ORDER BY b.step"
    )
    return [(step, -inf if violated else fitness) for step, fitness, violated in found]


def calls(record: Record, job: int | None = None) -> list[Called]:
    """Return the model calls in order, or those of one job."""
    where, values = ("", ()) if job is None else (" WHERE job = ?", (job,))
    found = record.rows(f"SELECT key, request, answer, error FROM calls{where} ORDER BY id", values)
    return [
        Called(key, record.parsed(request), record.parsed(answer) if answer else None, error)
        for key, request, answer, error in found
    ]


def operators(record: Record) -> dict[str, Asked]:
    """Return what each operator was asked for, by name, in the order of the first job."""
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
    """Return the number of attempts that operators rejected, by reason."""
    total: Counter[str] = Counter()
    for asked in operators(record).values():
        total.update(asked.rejected)
    return total


def failed_calls(record: Record, operator: str | None = None) -> Counter[str]:
    """Return the number of operators' failed calls, by error.

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
    """Return the number of failed evaluations and calls, by error."""
    found = record.rows("SELECT error FROM outcomes UNION ALL SELECT error FROM calls")
    return Counter(error for (error,) in found if error is not None)


def events(record: Record) -> list[tuple[float, str, str]]:
    """Return starts, resumes and stops in order: seconds since 1970, kind and details."""
    return [
        (at, kind, detail)
        for at, kind, detail in record.rows("SELECT at, kind, detail FROM events ORDER BY id")
    ]


def last_step(record: Record) -> int:
    """Return the last step in which a job was answered; 0 before any."""
    found = record.rows("SELECT coalesce(max(step), 0) FROM jobs WHERE told IS NOT NULL")
    return int(found[0][0])


def birth(record: Record, candidate: int) -> tuple[int, tuple[str, ...]]:
    """Return the job that made a candidate, and the keys of the answers it was made from."""
    job, keys = record.rows("SELECT job, calls FROM candidates WHERE id = ?", (candidate,))[0]
    return job, tuple(record.parsed(keys)) if keys else ()


def scored(record: Record, candidate: int) -> tuple[float, str | None] | None:
    """Return a candidate's latest fitness (its own or a reused one) and text; None without any."""
    found = record.rows(
        "SELECT fitness, text FROM outcomes WHERE candidate = ?1 OR candidate IN"
        " (SELECT source FROM reuses WHERE reuses.candidate = ?1)"
        " ORDER BY outcomes.candidate = ?1 DESC, job DESC LIMIT 1",
        (candidate,),
    )
    return found[0] if found else None
