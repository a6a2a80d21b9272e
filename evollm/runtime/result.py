"""The result of a run: what it found, what it spent, and why it stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic

from evollm.errors import EvollmError
from evollm.runtime.budget import Usage
from evollm.store import queries, rows
from evollm.store.record import Record
from evollm.types import Candidate, G, Individual
from evollm.units import from_json

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True, repr=False)
class Result(Generic[G]):
    """The result of a run.

    Attributes:
        best: The individual that the flow names as the best, otherwise the fittest one that was
            evaluated completely; None if there is none. If no individual satisfies its constraints,
            the one with the least ``violation``.
        population: The individuals in the population when it stopped.
        stopped: Why it stopped, as text.
        reasons: The limits that were reached, by name; empty if it stopped for another reason.
        usage: Evaluations, calls, tokens, money and time, over all resumes.
        record: The run's record, which can be read during and after the run.
        finals: The finalists with their scores after the search, if the system has any.
    """

    best: Individual[G] | None
    population: list[Individual[G]]
    stopped: str
    reasons: dict[str, float]
    usage: Usage
    record: Record
    finals: Sequence[Individual[G]] = ()

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
            raise EvollmError(f"there is no best fitness because nothing was evaluated{why}")
        return self.best.fitness

    @property
    def feasible(self) -> bool:
        """Whether there is a best individual that was evaluated and violates no constraint."""
        return self.best is not None and self.best.violation == 0

    @property
    def fallback_share(self) -> float:
        """The share of the children requested from models that they did not supply, 0 to 1.

        A stand-in made these children, or the model was asked again. It is 0 if no model was asked.
        """
        return queries.fallback_share(self.record)

    def candidate(self, number: int) -> Candidate[G]:
        """Return any candidate of the run by its id, with its genome, parents and note.

        Raises:
            EvollmError: If the run has no candidate with that id.
        """
        return queries.candidate(self.record, number)

    def dataframe(self) -> "pandas.DataFrame":
        """Return one row per evaluation, in the order of the jobs.

        Returns:
            Columns ``candidate, step, operator, parents, fidelity, fitness, error, genome``; for a
            system also ``value``, the fitness in the user's units, and ``text``, the genome as
            readable text; if any, ``bound``, whether an evaluation was cut short, and
            ``rung``, what its fidelity means; and one ``metrics.NAME`` for each metric.

        Raises:
            EvollmError: If pandas is not installed.
        """
        return dataframe(self.record)

    def __repr__(self) -> str:
        best = "nothing" if self.best is None else f"fitness {self.best.fitness:.6g}"
        if self.best is not None and self.best.error is not None:
            best = "only failures"
        elif self.best is not None and self.best.violation:
            best += f", infeasible with a violation of {self.best.violation:.6g},"
        return f"<Result: {best} after {self.usage.evaluations} evaluations, {self.stopped}>"

    def _repr_html_(self) -> str:
        """Return what was found and spent, with a small picture of the best so far."""
        from evollm.report.compact import compact  # which imports this module

        return compact(self.record)._repr_html_()


def dataframe(record: Record) -> "pandas.DataFrame":
    """Return a record's evaluations as a table; see ``Result.dataframe``."""
    try:
        import pandas
    except ImportError:
        raise EvollmError("a table needs pandas: pip install pandas") from None
    found = rows.evaluations(record)
    names = ["candidate", "step", "operator", "parents", "fidelity", "fitness", "error", "genome"]
    table = pandas.DataFrame({name: [getattr(one, name) for one in found] for name in names})
    if any(one.text is not None for one in found):
        table["text"] = [one.text for one in found]
    if units := from_json(record.get("units", {})).get("fitness"):
        table["value"] = [units.value(one.fitness) for one in found]
    if any(one.bound for one in found):
        table["bound"] = [one.bound for one in found]
    if any(one.rung is not None for one in found):
        table["rung"] = [one.rung for one in found]
    for name in sorted({name for one in found for name in one.metrics}):
        table[f"metrics.{name}"] = [one.metrics.get(name) for one in found]
    return table
