"""A logbook: DEAP's statistics, hall of fame and log, kept while a run goes on."""

from collections import Counter
from typing import Any

from evollm.errors import EvollmError
from evollm.types import Individual
from operators.deap.ranking import FITNESS, Objectives, as_deap, weighted


class DeapLog:
    """A callback of a run that keeps DEAP's ``Statistics``, ``HallOfFame`` and ``Logbook``.

    The hall of fame sees every individual once it is scored. The statistics are those of the
    population that survived a generation, and the log gets one entry a generation: ``gen``, the
    evaluations ``nevals`` of individuals born in it, and the statistics. Failed individuals are
    left out. A continued run is logged from where it goes on.

    Args:
        stats: A ``Statistics`` or ``MultiStatistics``; its keys get what ``as_deap``
            makes.
        halloffame: A ``HallOfFame`` or ``ParetoFront``.
        logbook: A ``Logbook``.
        objectives: What ``fitness.values`` holds; of a toolbox, ``parts.objectives``.

    Raises:
        EvollmError: If the objectives are none.
    """

    def __init__(
        self,
        stats: Any = None,
        halloffame: Any = None,
        logbook: Any = None,
        objectives: Objectives = FITNESS,
    ) -> None:
        self.stats = stats
        self.halloffame = halloffame
        self.logbook = logbook
        self.objectives = weighted(objectives)
        self._births: Counter[int] = Counter()
        self._step: int | None = None

    def __call__(self, run: Any, individual: Individual[Any]) -> None:
        """Take note of an individual, and of the generation if it completes one.

        Args:
            run: The run, for its ``search.population`` and ``search.step``.
            individual: What has just been scored.
        """
        self._births[individual.candidate.step] += 1
        if self._step is None:
            self._honour(list(run.search.population))
            self._step = -1
        self._honour([individual])
        if run.search.step > self._step:
            self._step = run.search.step
            self._record(run.search.population)

    def _honour(self, individuals: list[Individual[Any]]) -> None:
        if self.halloffame is not None:
            self.halloffame.update(self._sound(individuals))

    def _record(self, population: list[Individual[Any]]) -> None:
        if self.logbook is None:
            return
        sound = self._sound(population)
        if not self.logbook.header:
            self.logbook.header = ["gen", "nevals", *(self.stats.fields if self.stats else [])]
        found = self._compiled(sound) if self.stats and sound else {}
        self.logbook.record(gen=self._step, nevals=self._births[self._step or 0], **found)

    def _compiled(self, sound: list[Any]) -> dict[str, Any]:
        try:
            return dict(self.stats.compile(sound))
        except AttributeError as error:
            raise EvollmError(
                f"the statistics can't be computed ({error}): give a Statistics key that reads the "
                "genome's items or fitness.values, which is what an individual has here"
            ) from None

    def _sound(self, individuals: list[Individual[Any]]) -> list[Any]:
        return [view for view in as_deap(individuals, self.objectives) if view.fitness.valid]
