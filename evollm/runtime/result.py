"""The result of a run: what was found, what it took, and why it stopped."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic

from evollm.errors import EvollmError
from evollm.runtime.budget import Usage
from evollm.store import queries
from evollm.store.codec import shown
from evollm.store.record import Record
from evollm.types import Candidate, G, Individual

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class Result(Generic[G]):
    """What a run came to.

    Attributes:
        best: The fittest individual, or None if nothing was evaluated.
        population: The individuals that lived when it stopped.
        stopped: Why it stopped, in words.
        reasons: The limits that were reached, by name; empty if something else stopped it.
        usage: Evaluations, calls, tokens, money and time, over all resumes.
        record: The run's record, which can be read while and after the run goes on.
    """

    best: Individual[G] | None
    population: list[Individual[G]]
    stopped: str
    reasons: dict[str, float]
    usage: Usage
    record: Record

    @property
    def path(self) -> Path | None:
        """The run directory, if there is one."""
        return self.record.path

    @property
    def fitness(self) -> float:
        """The best fitness; larger is better.

        Raises:
            EvollmError: If nothing was evaluated.
        """
        if self.best is None:
            why = f" ({self.stopped})" if self.stopped else " yet"
            raise EvollmError(f"nothing was evaluated{why}: there is no best fitness")
        return self.best.fitness

    def candidate(self, number: int) -> Candidate[G]:
        """Return any candidate of the run by its id, with its genome, parents and note.

        Raises:
            EvollmError: If the run has none of that id.
        """
        return queries.candidate(self.record, number)

    def dataframe(self) -> "pandas.DataFrame":
        """Return one row an evaluation, in the order of the jobs.

        Returns:
            Columns ``candidate, step, operator, parents, fidelity, fitness, error, genome``, and
            one ``metrics.NAME`` for each metric.

        Raises:
            EvollmError: If pandas is not installed.
        """
        return dataframe(self.record)


def dataframe(record: Record) -> "pandas.DataFrame":
    """Return a record's evaluations as a table; see ``Result.dataframe``."""
    try:
        import pandas
    except ImportError:
        raise EvollmError("a table needs pandas: pip install pandas") from None
    rows = record.rows(
        "SELECT o.candidate, e.step, v.name, coalesce(c.parents, v.parents), e.fidelity, o.fitness,"
        " o.error, coalesce(o.repaired, c.genome), o.metrics"
        " FROM outcomes o JOIN jobs e ON e.id = o.job JOIN candidates c ON c.id = o.candidate"
        " JOIN jobs v ON v.id = c.job ORDER BY o.job, o.place"
    )
    names = ["candidate", "step", "operator", "parents", "fidelity", "fitness", "error", "genome"]
    table = pandas.DataFrame([row[:-1] for row in rows], columns=names)
    table["parents"] = [tuple(record.parsed(parents)) for parents in table["parents"]]
    table["genome"] = [shown(genome) for genome in table["genome"]]
    metrics = [record.parsed(row[-1]) if row[-1] else {} for row in rows]
    for name in sorted({name for found in metrics for name in found}):
        table[f"metrics.{name}"] = [found.get(name) for found in metrics]
    return table
