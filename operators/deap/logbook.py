"""Logbook: DEAP's statistics, hall of fame and logbook, updated during a run."""

from collections import Counter
from typing import Any

from evollm.errors import EvollmError
from evollm.types import Individual
from operators.deap.functions import described
from operators.deap.individuals import IndividualCodec
from operators.deap.ranking import FITNESS, Objectives, Scored, as_deap, weighted


class DeapLog:
    """A callback that updates DEAP's ``Statistics``, ``HallOfFame`` and ``Logbook`` during a run.

    The hall of fame sees every individual when it is scored, in a resumed run also the recorded
    ones. The statistics are those of the population after a generation, and the logbook gets one
    entry per generation: ``gen``, the number ``nevals`` of evaluations of its children, and the
    statistics. Failed individuals are ignored. A resumed run is logged from the point of
    resumption.

    All get the individuals that ``as_deap`` returns: with a toolbox's problem the toolbox's own.

    Args:
        stats: A ``Statistics`` or ``MultiStatistics``.
        halloffame: A ``HallOfFame`` or ``ParetoFront``.
        logbook: A ``Logbook``.
        objectives: The contents of ``fitness.values``, as in ``as_deap``; by default the toolbox's
            objectives if its problem is run, otherwise the outcome's fitness.

    Raises:
        EvollmError: If the objectives are invalid; during the run, if the statistics or the hall of
            fame fail for the individuals.
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
        """Process an individual, and the generation if it completes one.

        Args:
            run: The run, for its problem, its individuals, and its search's population and step.
            individual: The individual that has just been scored.
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
        """Process the replayed outcomes of the record once.

        Args:
            run: The run.
        """
        self._read.clear()

    def _begin(self, run: Any) -> None:
        """Attach to the run, and process the recorded individuals."""
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
                f"the hall of fame can't compare two individuals ({error}): for arrays use "
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
