"""A logbook: DEAP's statistics, hall of fame and log, kept while a run goes on."""

from collections import Counter
from typing import Any

from evollm.errors import EvollmError
from evollm.types import Individual
from operators.deap.functions import described
from operators.deap.individuals import IndividualCodec
from operators.deap.ranking import FITNESS, Objectives, Scored, as_deap, weighted


class DeapLog:
    """A callback of a run that keeps DEAP's ``Statistics``, ``HallOfFame`` and ``Logbook``.

    The hall of fame sees every individual once it is scored, in a continued run also those that the
    record holds. The statistics are those of the population that survived a generation, and the log
    gets one entry a generation: ``gen``, the evaluations ``nevals`` of individuals born in it, and
    the statistics. Failed individuals are left out. A continued run is logged from where it goes
    on.

    All see what ``as_deap`` makes: with a toolbox's problem the toolbox's own individuals.

    Args:
        stats: A ``Statistics`` or ``MultiStatistics``.
        halloffame: A ``HallOfFame`` or ``ParetoFront``.
        logbook: A ``Logbook``.
        objectives: What ``fitness.values`` holds, as in ``as_deap``; by default the toolbox's
            objectives if its problem is run, else the outcome's fitness.

    Raises:
        EvollmError: If the objectives are none. In the run: if the statistics or the hall of fame
            can't deal with the individuals.
    """

    def __init__(
        self,
        stats: Any = None,
        halloffame: Any = None,
        logbook: Any = None,
        objectives: Objectives | Scored | None = None,
    ) -> None:
        self.stats = stats
        self.halloffame = halloffame
        self.logbook = logbook
        self.objectives = None if objectives is None else weighted(objectives)
        self._form: IndividualCodec | None = (
            objectives.form if isinstance(objectives, Scored) else None
        )
        self._births: Counter[int] = Counter()
        self._read: set[int] = set()
        self._begun = False
        self._step = -1

    def __call__(self, run: Any, individual: Individual[Any]) -> None:
        """Take note of an individual, and of the generation if it completes one.

        Args:
            run: The run, for its problem, its individuals, and its search's population and step.
            individual: What has just been scored.
        """
        if not self._begun:
            self._begin(run)
        if individual.id not in self._read:
            self._births[individual.step] += 1
            self._honour([individual])
        if run.search.step > self._step:
            self._step = run.search.step
            self._log(run.search.population)

    def tick(self, run: Any) -> None:
        """Note that the outcomes of the record have been replayed.

        Args:
            run: The run.
        """
        self._read.clear()

    def _begin(self, run: Any) -> None:
        """Take the run, and what its record holds already."""
        self._begun = True
        if isinstance(run.problem, Scored):
            self._form = self._form or run.problem.form
            self.objectives = self.objectives or weighted(run.problem)
        self.objectives = self.objectives or weighted(FITNESS)
        for one in run.individuals():
            self._births[one.step] += 1
            self._read.add(one.id)
            self._honour([one])

    def _honour(self, individuals: list[Individual[Any]]) -> None:
        if self.halloffame is None:
            return
        try:
            self.halloffame.update(self._sound(individuals))
        except ValueError as error:
            raise EvollmError(
                f"the hall of fame can't compare two individuals ({error}): arrays need "
                f"{type(self.halloffame).__name__}(..., similar=numpy.array_equal)"
            ) from error

    def _log(self, population: list[Individual[Any]]) -> None:
        if self.logbook is None:
            return
        sound = self._sound(population)
        if not self.logbook.header:
            self.logbook.header = ["gen", "nevals", *(self.stats.fields if self.stats else [])]
        found = self._compiled(sound) if self.stats and sound else {}
        self.logbook.record(gen=self._step, nevals=self._births[self._step], **found)

    def _compiled(self, sound: list[Any]) -> dict[str, Any]:
        try:
            return dict(self.stats.compile(sound))
        except Exception as error:
            raise EvollmError(
                f"the statistics can't be computed ({described(error)}): give a key that reads "
                f"individuals of the class {type(sound[0]).__name__}"
            ) from error

    def _sound(self, individuals: list[Individual[Any]]) -> list[Any]:
        made = as_deap(individuals, self.objectives or FITNESS, self._form)
        return [one for one in made if one.fitness.valid]
