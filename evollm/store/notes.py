"""Notes: rows that a run collects until they are committed together."""

import json
import sqlite3
import threading
from collections.abc import Mapping
from typing import Any

from evollm.search.fingerprint import written
from evollm.search.flow import Vary
from evollm.search.search import Ticket
from evollm.store.codec import encode
from evollm.types import Individual, Offspring, Outcome


def marks(n: int) -> str:
    """Return ``n`` placeholders of an SQL statement."""
    return ", ".join("?" * n)


_AGAIN = "ON CONFLICT DO NOTHING"  # rows whose writing was interrupted by Ctrl-C are written again
STATEMENTS: Mapping[str, str] = {
    "jobs": "INSERT OR IGNORE INTO jobs (id, lane, kind, name, parents, n, fidelity, rung, context,"
    f" seed, step, fingerprint) VALUES ({marks(12)})",
    "candidates": f"INSERT INTO candidates VALUES ({marks(6)}) {_AGAIN}",
    "outcomes": f"INSERT INTO outcomes VALUES ({marks(11)}) {_AGAIN}",
    "answers": "UPDATE jobs SET told = ?, rejected = ?, asked = ?, supplied = ? WHERE id = ?",
    "bests": f"INSERT OR REPLACE INTO bests VALUES ({marks(3)})",
    "finals": f"INSERT OR REPLACE INTO finals VALUES ({marks(9)})",
    "reuses": f"INSERT INTO reuses VALUES ({marks(5)}) {_AGAIN}",
}
"""The statement that writes each kind of row, in the order of writing."""


class Notes:
    """Collects a run's events as rows of its database; thread-safe."""

    def __init__(self) -> None:
        self._mutex = threading.RLock()
        self._gathered: dict[str, list[tuple[Any, ...]]] = {kind: [] for kind in STATEMENTS}

    def _gather(self, kind: str, *rows: tuple[Any, ...]) -> None:
        with self._mutex:
            self._gathered[kind] += rows

    def _waiting(self) -> bool:
        return any(self._gathered.values())

    def _write(self, database: sqlite3.Connection) -> None:
        """Write the collected rows within the open transaction."""
        for kind, rows in self._gathered.items():
            if rows:
                database.executemany(STATEMENTS[kind], rows)
        for rows in self._gathered.values():
            rows.clear()

    def ask(self, ticket: Ticket, name: str, fingerprint: str) -> None:
        """Record a job that the search has asked for."""
        job = ticket.job
        rung = context = None
        if isinstance(job, Vary):
            kind, ids, n, fidelity = "vary", [p.id for p in job.parents], int(job.n), None
        else:
            rung = job.rung or None
            context = None if job.context is None else written(job.context)
            kind, ids, n, fidelity = (
                "evaluate",
                [c.id for c in job.candidates],
                len(ticket.answers),
                None if job.fidelity is None else int(job.fidelity),
            )
        row = (
            ticket.id,
            ticket.lane,
            kind,
            name,
            json.dumps(ids),
            n,
            fidelity,
            rung,
            context,
            int(job.seed),
            int(job.step),
            fingerprint,
        )
        self._gather("jobs", row)

    def children(self, ticket: Ticket, offspring: Offspring[Any]) -> None:
        """Record the answer to a ``Vary`` job; the children get the ids reserved by the ticket."""
        everyone = [parent.id for parent in ticket.job.parents] if offspring.parents else []  # type: ignore[union-attr]
        rows = []
        for i, genome in enumerate(offspring.genomes):
            own = (
                str([everyone[k] for k in offspring.parents[i]])  # a list of ids is valid JSON
                if offspring.parents
                else None
            )
            note = (
                encode(offspring.notes[i])
                if offspring.notes and offspring.notes[i] is not None
                else None
            )
            calls = json.dumps(list(offspring.calls[i])) if offspring.calls else None
            rows.append((ticket.first + i, ticket.id, encode(genome), own, note, calls))
        self._gather("candidates", *rows)

    def outcome(
        self, ticket: Ticket, place: int, candidate: int, outcome: Outcome, text: str | None = None
    ) -> None:
        """Record the outcome for one place of an ``Evaluate`` job.

        Args:
            ticket: The job.
            place: Index of the candidate in the job.
            candidate: The candidate's id.
            outcome: Its outcome.
            text: The genome in readable form.
        """
        repaired = None if outcome.genome is None else encode(outcome.genome)
        row = (ticket.id, place, candidate, *_found(outcome))
        self._gather("outcomes", (*row, repaired, outcome.cost, text, int(outcome.bound)))

    def answered(
        self, ticket: Ticket, position: int, offspring: Offspring[Any] | None = None
    ) -> None:
        """Record that an answer is complete, its position, and what an operator rejected."""
        made = offspring or Offspring([])
        rejected = json.dumps(dict(made.rejected)) if made.rejected else None
        model = (made.asked, made.supplied) if made.asked else (None, None)
        self._gather("answers", (position, rejected, *model, ticket.id))

    def final(self, candidate: int, fidelity: int | None, seed: int, outcome: Outcome) -> None:
        """Record the outcome of a finalist after the search."""
        head = (candidate, -1 if fidelity is None else fidelity, seed)
        self._gather("finals", (*head, *_found(outcome), outcome.cost, int(outcome.bound)))

    def reused(self, number: int, individual: Individual[Any], source: int, step: int) -> None:
        """Record a score that a candidate took from an equal one.

        Args:
            number: Index of the reused score in the run, from 0.
            individual: The candidate with that score.
            source: Id of the candidate that was evaluated.
            step: The flow's step.
        """
        fidelity = None if individual.fidelity is None else int(individual.fidelity)
        self._gather("reuses", (number, individual.id, source, fidelity, step))

    def best(self, step: int, candidate: int, fitness: float) -> None:
        """Record the individual that the flow named as the best of a step."""
        self._gather("bests", (step, candidate, fitness))


def _found(outcome: Outcome) -> tuple[float, str | None, str | None, str | bytes | None]:
    """Return an outcome's columns: fitness, metrics, error, info."""
    metrics = json.dumps(dict(outcome.metrics)) if outcome.metrics else None
    info = None if outcome.info is None else encode(outcome.info)
    error = outcome.error and outcome.error.encode(errors="replace").decode()
    return outcome.fitness, metrics, error, info
