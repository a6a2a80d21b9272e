"""Queries: the contents of a record as objects of the engine."""

from collections.abc import Iterator
from typing import Any

from evollm.errors import EvollmError
from evollm.ledger import Call
from evollm.runtime.budget import Usage
from evollm.search.flow import Vary
from evollm.search.search import Ticket
from evollm.store.codec import decode, shown
from evollm.store.record import Record
from evollm.store.rows import VIOLATED
from evollm.types import Candidate, Individual, Offspring, Outcome

FINALS = -1
"""The job id under which model calls of finalists' evaluations are recorded."""


def answered(record: Record) -> Iterator[tuple[int, str]]:
    """Yield id and fingerprint of the answered jobs, in the order of the answers."""
    yield from record.rows("SELECT id, fingerprint FROM jobs WHERE told IS NOT NULL ORDER BY told")


def fingerprint(record: Record, job: int) -> str | None:
    """Return the recorded fingerprint of a job, or None if it was never asked."""
    found = record.rows("SELECT fingerprint FROM jobs WHERE id = ?", (job,))
    return found[0][0] if found else None


def job(record: Record, number: int) -> tuple[str, str, int]:
    """Return kind, name and step of a job."""
    return record.rows("SELECT kind, name, step FROM jobs WHERE id = ?", (number,))[0]


def offspring(record: Record, ticket: Ticket) -> Offspring[Any]:
    """Return the recorded answer of a ``Vary`` job."""
    assert isinstance(ticket.job, Vary)
    places = {parent.id: place for place, parent in enumerate(ticket.job.parents)}
    rows = record.rows(  # by the ids that the job reserves, because they are indexed
        "SELECT genome, parents, note FROM candidates WHERE id >= ? AND id < ? ORDER BY id",
        (ticket.first, ticket.first + int(ticket.job.n)),
    )
    rejected = record.rows("SELECT rejected FROM jobs WHERE id = ?", (ticket.id,))[0][0]
    notes = [None if note is None else decode(note) for _, _, note in rows]
    listed = [record.parsed(parents) for _, parents, _ in rows if parents is not None]
    try:
        own = [[places[k] for k in one] for one in listed]
    except (KeyError, TypeError) as error:
        raise record.damaged(error) from None
    return Offspring(
        genomes=[decode(genome) for genome, _, _ in rows],
        notes=notes if any(note is not None for note in notes) else (),
        rejected=record.parsed(rejected) if rejected else {},
        parents=own,
    )


def outcomes(record: Record, ticket: Ticket) -> Iterator[tuple[int, Outcome]]:
    """Yield place and outcome of each recorded evaluation of a job."""
    found = record.rows(
        "SELECT place, fitness, metrics, error, info, repaired, cost, bound FROM outcomes"
        " WHERE job = ? ORDER BY place",
        (ticket.id,),
    )
    for place, fitness, metrics, error, info, repaired, cost, bound in found:
        measured = record.parsed(metrics) if metrics else {}
        details = None if info is None else decode(info)
        genome = None if repaired is None else decode(repaired)
        try:
            outcome = Outcome(fitness, measured, error, details, genome, cost, bool(bound))
        except (AttributeError, TypeError, ValueError) as fault:
            raise record.damaged(fault) from None
        if outcome.cost != cost:
            raise record.damaged(f"a cost of {cost}")
        yield place, outcome


def individuals(record: Record) -> Iterator[Individual[Any]]:
    """Yield all evaluated individuals, in the order of the jobs."""
    found = record.rows(
        "SELECT o.candidate, coalesce(o.repaired, c.genome), coalesce(c.parents, v.parents),"
        " v.name, v.step, e.fidelity, o.fitness, o.metrics, o.error, o.cost, o.bound"
        " FROM outcomes o"
        " JOIN jobs e ON e.id = o.job JOIN candidates c ON c.id = o.candidate"
        " JOIN jobs v ON v.id = c.job ORDER BY o.job, o.place"
    )
    for (
        number,
        genome,
        parents,
        name,
        step,
        fidelity,
        fitness,
        metrics,
        error,
        cost,
        bound,
    ) in found:
        measured = record.parsed(metrics) if metrics else {}
        yield Individual(
            Candidate(number, decode(genome), tuple(record.parsed(parents)), name, step),
            Outcome(fitness, measured, error, cost=cost, bound=bool(bound)),
            fidelity,
        )


def usage(record: Record) -> Usage:
    """Return what the run has spent so far, without generations, which the search counts."""
    spent = Usage(seconds=record.get("seconds", 0.0))
    count_finals(record, spent)
    spent.memo = record.rows("SELECT count(*) FROM reuses")[0][0]
    spent.evaluations, spent.failed, spent.bounds, spent.cost = record.rows(
        "SELECT count(*), count(error), count(nullif(bound, 0)), total(cost) FROM outcomes"
    )[0]
    columns = "error, prompt_tokens, completion_tokens, seconds, cost, cached"
    for error, prompt, completion, seconds, cost, cached in record.rows(
        f"SELECT {columns} FROM calls WHERE job != ?", (FINALS,)
    ):
        spent.add(Call("", "", {}, None, error, prompt, completion, seconds, cost, bool(cached)))
    return spent


def dearest(record: Record) -> float | None:
    """Return the highest cost of an evaluation; None before there is any."""
    found: float | None = record.rows("SELECT max(cost) FROM outcomes")[0][0]
    return found


def count_finals(record: Record, spent: Usage) -> None:
    """Add what the evaluations of finalists have spent, which no limit counts."""
    spent.finals = record.rows("SELECT count(*) FROM finals")[0][0]
    spent.finals_calls, paid, unknown = record.rows(
        "SELECT count(*), total(cost), count(*) - count(cost) FROM calls WHERE job = ?",
        (FINALS,),
    )[0]
    spent.finals_money = None if unknown else paid


def candidate(record: Record, number: int) -> Candidate[Any]:
    """Return a candidate by its id, with the genome as repaired by its latest evaluation.

    A genome whose class is not loaded is returned as a plain record of its fields.

    Raises:
        EvollmError: If the run has no candidate with that id.
    """
    found = record.rows(
        "SELECT coalesce((SELECT o.repaired FROM outcomes o WHERE o.candidate = c.id"
        " AND o.repaired IS NOT NULL ORDER BY o.job DESC LIMIT 1), c.genome),"
        " coalesce(c.parents, j.parents), name, step, note"
        " FROM candidates c JOIN jobs j ON j.id = c.job WHERE c.id = ?",
        (int(number),),
    )
    if not found:
        raise EvollmError(f"the run has no candidate {number}")
    genome, parents, name, step, note = found[0]
    return Candidate(
        int(number),
        shown(genome),
        tuple(record.parsed(parents)),
        name,
        step,
        None if note is None else shown(note),
    )


def last_failure(record: Record) -> str:
    """Return the error of the last failed evaluation; empty if none has failed."""
    found = record.rows(
        "SELECT error FROM outcomes WHERE error IS NOT NULL ORDER BY job DESC, place DESC LIMIT 1"
    )
    return str(found[0][0]) if found else ""


def fallback_share(record: Record) -> float:
    """Return the share of the children requested from models that they did not supply, 0 to 1."""
    asked, supplied = record.rows("SELECT total(asked), total(supplied) FROM jobs")[0]
    return 1 - supplied / asked if asked else 0.0


def best(record: Record) -> tuple[int, float] | None:
    """Return id and fitness of the best candidate; None if no evaluation has succeeded.

    It is the one that the flow named last, or else the best by ``Outcome.merit``, of equal ones the
    older; evaluations that were cut short are ignored.
    """
    named = record.rows("SELECT candidate, fitness FROM bests ORDER BY step DESC LIMIT 1")
    found = named or record.rows(
        "SELECT candidate, fitness FROM outcomes o WHERE NOT bound AND error IS NULL"
        f" ORDER BY fitness = -9e999, {VIOLATED}, fitness DESC, candidate LIMIT 1"
    )
    return found[0] if found else None


def finals(record: Record, fidelity: int | None, seed: int) -> dict[int, Outcome]:
    """Return the finalists' outcomes by candidate id."""
    found = record.rows(
        "SELECT candidate, fitness, metrics, error, info, cost, bound FROM finals"
        " WHERE fidelity = ? AND seed = ?",
        (-1 if fidelity is None else fidelity, seed),
    )
    return {
        candidate: Outcome(
            fitness,
            record.parsed(metrics) if metrics else {},
            error,
            None if info is None else decode(info),
            cost=cost,
            bound=bool(bound),
        )
        for candidate, fitness, metrics, error, info, cost, bound in found
    }
