"""LLEGO for users: a search for trees on rows, and the tree that it chose."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan
from pathlib import Path
from typing import Any

from evollm import Budget, EvollmError, Individual, Outcome, Result, run
from evollm.algorithms.pareto import Objectives, front
from evollm.executors.base import Executor
from evollm.llm.base import LanguageModel
from evollm.runtime.driver import Callback
from evollm.search.fingerprint import describe
from evollm.search.flow import Flow
from evollm.store import queries
from problems.trees.llego import LLEGOSettings
from problems.trees.model.fitness import TreeFitness
from problems.trees.model.fitted import Fitted
from problems.trees.model.objectives import named
from problems.trees.model.telling import most_telling
from problems.trees.prompt_words import context

GENERATIONS = 25
SMALLER_IS_BETTER = ("size", "depth", "valid_size")


@dataclass(frozen=True)
class LLEGO:
    """Decision trees evolved by a language model.

    Attributes:
        problem: Scores trees; its validation rows, if there are any, choose the tree in the end.
        settings: Of the search.
        model: Who varies; None for what the environment names, or the small offline model.
        task: What is to be predicted, in words.
        described: What columns mean, by name.
        objectives: Metrics for a Pareto front by NSGA-II; empty to search for fitness alone. Sizes
            and depths are better if smaller, all else if larger.
    """

    problem: TreeFitness
    settings: LLEGOSettings = field(default_factory=LLEGOSettings)
    model: LanguageModel | None = None
    task: str = ""
    described: Mapping[str, str] = field(default_factory=dict)
    objectives: Sequence[str] = ()

    @property
    def weighted(self) -> Objectives:
        """The objectives with their signs."""
        return {name: -1.0 if name in SMALLER_IS_BETTER else 1.0 for name in self.objectives}

    def flow(self, seed: int) -> Flow:
        """Return the search."""
        model = self.model
        if model is None and self.settings.asks:
            from evollm.llm.connect import connect

            model = connect()
        columns = self.problem.columns
        order = most_telling(columns, self.problem.train) if self.settings.asks else ()
        words = context(columns, self.task, self.described, order)
        return self.settings.flow(self.problem, model, words, seed, self.weighted)

    def run(
        self,
        budget: Budget | None = None,
        *,
        seed: int = 0,
        executor: Executor | None = None,
        path: str | Path | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Result[Any]:
        """Search within a budget; the same call on a folder that has a record goes on from there.

        Args:
            budget: What ends the run; None for 25 generations, as in the paper.
            seed: The only source of chance but for the model.
            executor: Where trees are scored; by default here.
            path: The run directory; None for a temporary record.
            callbacks: Each called as ``f(run, individual)`` after an evaluation.

        Raises:
            EvollmError: If the model can't be used, or gives no valid tree.
        """
        return run(
            self.flow(seed),
            self.problem,
            budget=budget or Budget(generations=GENERATIONS),
            executor=executor,
            path=path,
            config={"seed": seed, "settings": describe(self.settings), "task": self.task},
            callbacks=callbacks,
        )

    def chosen(self, result: Result[Any]) -> Individual[Any]:
        """Return the tree that is best on the validation rows; without any, on the training rows.

        All trees that were scored count, of equal ones the fitter and then the older.

        Raises:
            EvollmError: If every evaluation failed.
        """
        return chosen(result, self.problem)

    def front(self, result: Result[Any]) -> list[Individual[Any]]:
        """Return the living trees that no other one beats in an objective without losing another.

        Raises:
            EvollmError: If the search had no objectives.
        """
        return front(result.population, self.weighted)

    def fitted(self, individual: Individual[Any]) -> Fitted:
        """Return a tree as it was scored, ready to predict."""
        return self.problem.fit(individual.genome)


def chosen(result: Result[Any], problem: TreeFitness) -> Individual[Any]:
    """Return a run's tree by validation; see ``LLEGO.chosen``."""
    name = named(problem.objectives[0])
    rows = result.record.rows(
        "SELECT candidate, fitness, metrics FROM outcomes WHERE error IS NULL ORDER BY candidate"
    )
    if not rows:
        raise EvollmError(f"no tree could be scored ({result.stopped}): see the run's failures")
    ranked = []
    for number, fitness, metrics in rows:
        known = json.loads(metrics)
        score = known.get(f"valid_{name}", fitness)
        ranked.append((-inf if isnan(score) else score, fitness, -number, known))
    _, fitness, minus, known = max(ranked, key=lambda row: row[:3])
    return Individual(queries.candidate(result.record, -minus), Outcome(fitness, known))
