"""The history: what a record holds, read back as the engine's own objects."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from evollm.errors import EvollmError
from evollm.ledger import Call
from evollm.runtime.budget import Usage
from evollm.search.flow import Vary
from evollm.search.search import Ticket
from evollm.store.codec import decode
from evollm.store.record import Record
from evollm.types import Candidate, Offspring, Outcome


def answered(record: Record) -> Iterator[tuple[int, str]]:
    """Yield id and fingerprint of the answered jobs, in the order of the answers."""
    yield from record.rows("SELECT id, fingerprint FROM jobs WHERE told IS NOT NULL ORDER BY told")


def fingerprint(record: Record, job: int) -> str | None:
    """Return the fingerprint under which a job was asked, or None if it never was."""
    found = record.rows("SELECT fingerprint FROM jobs WHERE id = ?", (job,))
    return found[0][0] if found else None


def offspring(record: Record, ticket: Ticket) -> Offspring[Any]:
    """Return the recorded answer of a ``Vary`` job."""
    assert isinstance(ticket.job, Vary)
    places = {parent.id: place for place, parent in enumerate(ticket.job.parents)}
    rows = record.rows(  # by the ids that the job reserves, for there is an index on them
        "SELECT genome, parents, note FROM candidates WHERE id >= ? AND id < ? ORDER BY id",
        (ticket.first, ticket.first + int(ticket.job.n)),
    )
    rejected = record.rows("SELECT rejected FROM jobs WHERE id = ?", (ticket.id,))[0][0]
    notes = [None if note is None else decode(note) for _, _, note in rows]
    own = [
        [places[k] for k in json.loads(parents)] for _, parents, _ in rows if parents is not None
    ]
    return Offspring(
        genomes=[decode(genome) for genome, _, _ in rows],
        notes=notes if any(note is not None for note in notes) else (),
        rejected=json.loads(rejected) if rejected else {},
        parents=own,
    )


def outcomes(record: Record, ticket: Ticket) -> Iterator[tuple[int, Outcome]]:
    """Yield place and outcome of what is recorded for a job's places."""
    found = record.rows(
        "SELECT place, fitness, metrics, error, info, repaired, cost FROM outcomes WHERE job = ?"
        " ORDER BY place",
        (ticket.id,),
    )
    for place, fitness, metrics, error, info, repaired, cost in found:
        yield (
            place,
            Outcome(
                fitness,
                json.loads(metrics) if metrics else {},
                error,
                None if info is None else decode(info),
                None if repaired is None else decode(repaired),
                cost,
            ),
        )


def usage(record: Record) -> Usage:
    """Return what the run has spent so far; its generations are for the search to say."""
    spent = Usage(seconds=record.get("seconds", 0.0))
    spent.evaluations, spent.failed = record.rows("SELECT count(*), count(error) FROM outcomes")[0]
    columns = "error, prompt_tokens, completion_tokens, seconds, cost, cached"
    for error, prompt, completion, seconds, cost, cached in record.rows(
        f"SELECT {columns} FROM calls"
    ):
        spent.add(Call("", "", {}, None, error, prompt, completion, seconds, cost, bool(cached)))
    return spent


def candidate(record: Record, number: int) -> Candidate[Any]:
    """Return one candidate by its id, as its latest evaluation left it.

    Raises:
        EvollmError: If the run has none of that id.
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
        decode(genome),
        tuple(json.loads(parents)),
        name,
        step,
        None if note is None else decode(note),
    )


def last_failure(record: Record) -> str:
    """Return why the last evaluation that failed did; empty if none has."""
    found = record.rows(
        "SELECT error FROM outcomes WHERE error IS NOT NULL ORDER BY job DESC, place DESC LIMIT 1"
    )
    return str(found[0][0]) if found else ""


def fitnesses(record: Record) -> list[float]:
    """Return the fitness of every evaluation, in the order of the jobs."""
    rows = record.rows("SELECT fitness FROM outcomes ORDER BY job, place")
    return [fitness for (fitness,) in rows]


def notes(record: Record) -> Iterator[tuple[int, Any]]:
    """Yield the step and the operator's note (None if there is none) of every candidate."""
    rows = record.rows(
        "SELECT step, note FROM candidates c JOIN jobs j ON j.id = c.job ORDER BY c.id"
    )
    for step, note in rows:
        yield step, None if note is None else decode(note)


def rejections(record: Record) -> Counter[str]:
    """Count the answers that operators rejected, by reason."""
    total: Counter[str] = Counter()
    for (counts,) in record.rows("SELECT rejected FROM jobs WHERE rejected IS NOT NULL"):
        total.update(json.loads(counts))
    return total
