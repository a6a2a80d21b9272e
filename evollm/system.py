"""Systems: a problem, an algorithm and their reports behind one interface."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Generic

from evollm.errors import EvollmError
from evollm.executors.base import Executor, Serial
from evollm.functions import as_problem, prepare
from evollm.report.page import Report
from evollm.report.sections import overview
from evollm.runtime.budget import Budget
from evollm.runtime.driver import Callback, OnError, Run
from evollm.runtime.finals import Finalists, score
from evollm.runtime.loop import begin, checked, finish, result
from evollm.runtime.result import Result
from evollm.search.flow import Flow
from evollm.search.search import Search
from evollm.store.record import Record
from evollm.types import JSON, G, Individual, Problem
from evollm.units import Units


class System(Generic[G]):
    """A search that is ready to run, with the units and reports to present it.

    A subclass sets ``problem`` and defines ``flow``; everything else has a default.

    Attributes:
        problem: What scores genomes. Its method ``prepare()``, if any, is called before anything is
            spent, here and on each worker, outside of any time limit.
        units: The unit of each metric, by its name; ``"fitness"`` is what the search maximises.
        budget: The default budget of a run.
        opening: What the command line prints before the run, such as the data that were read; may
            be empty.
    """

    problem: Problem[G]
    units: Mapping[str, Units] = {"fitness": Units()}
    budget: Budget = Budget()
    opening: str = ""

    def flow(self, seed: int) -> Flow | Search:
        """Return a new search, which is determined by the seed."""
        raise NotImplementedError(f"{type(self).__name__} must define flow(seed)")

    def write(self, individual: Individual[G]) -> str:
        """Return a genome in readable form; it is recorded with each outcome."""
        return str(individual.genome)

    def finalists(self, result: Result[G]) -> Finalists[G]:
        """Return the individuals to score again after the search; none by default.

        It is asked again, with those scored so far in ``result.finals``, until it names nobody new:
        so a first round can choose among many, and a second one test the chosen alone.
        """
        return Finalists()

    def choose(self, result: Result[G]) -> Individual[G]:
        """Return the individual that is the result: the fittest finalist, or else the best.

        Raises:
            EvollmError: If nothing was evaluated.
        """
        scored = [
            one for one in result.finals if one.outcome.error is None and not one.outcome.bound
        ]
        chosen = max(scored, key=lambda one: (one.merit, -one.id), default=result.best)
        if chosen is None:
            raise EvollmError(
                f"there is no best individual because nothing was evaluated ({result.stopped})"
            )
        return chosen

    def report(self, result: Result[G]) -> Report:
        """Return the report of a run as data."""
        return overview(result.record)

    def export(self, result: Result[G], folder: Path) -> list[Path]:
        """Write the result of a run into a folder in the system's formats; return the files."""
        return []

    def controls(self) -> Mapping[str, "System[G]"]:
        """Return the baselines by name, each a system on the same problem."""
        return {}

    def forecast(self, budget: Budget) -> str:
        """Return what evaluations within a budget would take, for a dry run of the command line.

        It must spend nothing but a short measurement. Empty, as by default, if what counts is what
        the search asks of a model: then the command line finds that out from the flow.
        """
        return ""

    def config(self, seed: int) -> Mapping[str, JSON]:
        """Return the settings as recorded."""
        return {"seed": seed}

    def run(
        self,
        budget: Budget | None = None,
        *,
        seed: int = 0,
        executor: Executor | None = None,
        path: str | Path | None = None,
        callbacks: Sequence[Callback] = (),
        on_error: OnError = "record",
    ) -> Result[G]:
        """Run the search; see ``run_system``."""
        return run_system(
            self,
            budget,
            seed=seed,
            executor=executor,
            path=path,
            callbacks=callbacks,
            on_error=on_error,
        )


def run_system(
    system: System[G],
    budget: Budget | None = None,
    *,
    seed: int = 0,
    executor: Executor | None = None,
    path: str | Path | None = None,
    callbacks: Sequence[Callback] = (),
    on_error: OnError = "record",
    config: Mapping[str, JSON] | None = None,
) -> Result[G]:
    """Run a system to its end, or continue it from its record; then score its finalists.

    The finalists are scored by a separate job, which is recorded and resumable, outside of the
    search's budget and counted as ``usage.finals``. If the search is interrupted, they are scored
    after it has been resumed.

    Args:
        system: The system.
        budget: What ends the search; None for the system's default.
        seed: The only source of randomness except a model.
        executor: Where evaluations run; by default in this thread, one at a time.
        path: The run directory; if it has a record, the same call continues from it.
        callbacks: Each called as ``f(run, individual)`` after an evaluation.
        on_error: Whether the run continues after a failed evaluation ("record") or ends ("raise").
        config: The settings to record; None for the system's ``config``.

    Raises:
        EvollmError: See ``evollm.run``.
    """
    executor = executor or Serial()
    budget = system.budget if budget is None else budget
    checked(budget, executor, callbacks, on_error)
    problem = as_problem(system.problem)
    prepare(problem)
    head = system.config(seed) if config is None else config
    record = Record(path)
    try:
        search = system.flow(seed)
        limits = (head, budget, callbacks, on_error)
        under_way = begin(search, problem, executor, record, *limits, words=system)
        finish(under_way, problem)
        found = result(under_way)
        if found.stopped != "interrupted":
            found = _closed(system, under_way, problem, executor)
            record.put("chosen", system.choose(found).id if found.best else None)
    except BaseException:
        record.close()
        raise
    if record.path is not None:
        record.close()
    return found


def _closed(
    system: System[G], under_way: Run, problem: Problem[G], executor: Executor
) -> Result[G]:
    """Score finalists round after round, each once in a round, until nobody new is named."""
    finals: list[Individual[G]] = []
    asked: set[tuple[int, int | None, int]] = set()
    while True:
        found: Result[G] = result(under_way, finals)
        named = system.finalists(found)
        keys = [(one.id, named.fidelity, named.seed) for one in named.candidates]
        fresh = [one for one, key in zip(named.candidates, keys, strict=True) if key not in asked]
        if not fresh:
            return found
        asked |= set(keys)
        finals += score(replace(named, candidates=fresh), problem, executor, under_way.record)
