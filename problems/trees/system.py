"""LLEGO: a search for decision trees on rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isnan
from pathlib import Path
from typing import Any, ClassVar

from evollm import Budget, EvollmError, Individual, Outcome, Result
from evollm.algorithms.pareto import Objectives, front
from evollm.llm.base import LanguageModel
from evollm.report.page import Report
from evollm.runtime.finals import Finalists
from evollm.search.fingerprint import describe
from evollm.search.flow import Flow
from evollm.store import queries, rows
from evollm.system import System
from evollm.types import JSON
from evollm.units import Units
from operators.trees.genome import Tree, with_leaves
from operators.trees.line import write
from problems.trees.data.case import COSTS, HoldoutTask
from problems.trees.llego import LLEGOSettings
from problems.trees.model.fitness import TreeFitness
from problems.trees.model.fitted import Fitted
from problems.trees.model.objectives import named
from problems.trees.model.telling import most_telling
from problems.trees.prompt_words import context

GENERATIONS = 25
SMALLER_IS_BETTER = ("size", "depth", "valid_size")


@dataclass(frozen=True)
class LLEGO(System[Tree]):
    """Decision trees evolved by a language model.

    Attributes:
        problem: Scores trees; its validation rows, if any, determine the chosen tree.
        settings: Settings of the search.
        model: The language model; None for the one named in the environment, or the small offline
            model.
        task: Description of what is predicted.
        described: Descriptions of columns, by name.
        holdout: The three parts of the rows, if there are test rows, on which the chosen tree is
            scored at the end.
        objectives: Metrics for a Pareto front by NSGA-II; empty to search for fitness alone.
            Smaller sizes and depths are better, for others larger values.
    """

    problem: TreeFitness
    settings: LLEGOSettings = field(default_factory=LLEGOSettings)
    model: LanguageModel | None = None
    task: str = ""
    described: Mapping[str, str] = field(default_factory=dict)
    objectives: Sequence[str] = ()
    holdout: HoldoutTask | None = None
    budget: ClassVar[Budget] = Budget(generations=GENERATIONS)  # type: ignore[misc]

    @property
    def units(self) -> dict[str, Units]:  # type: ignore[override]
        """The units of the objectives, in which losses are positive."""
        names = [named(objective) for objective in self.problem.objectives]
        known = {
            prefix + name: Units(f"{part} {name.replace('_', ' ')}", maximize=name not in COSTS)
            for name in names
            for prefix, part in (("", "training"), ("valid_", "validation"))
        }
        return {"fitness": known[names[0]], **known}

    @property
    def opening(self) -> str:  # type: ignore[override]
        """Notes on how a file was read."""
        table = self.holdout.table if self.holdout else None
        return table.summary() if table and table.reading else ""

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

    def write(self, individual: Individual[Tree]) -> str:
        """Return a tree in one line with its fitted leaves."""
        tree = individual.genome
        info = individual.outcome.info
        if isinstance(info, Mapping) and "leaves" in info:
            tree = with_leaves(tree, info["leaves"])
        return write(tree, self.problem.columns, digits=None)

    def choose(self, result: Result[Tree]) -> Individual[Tree]:
        """Return the tree that is best on the validation rows; without any, on the training rows.

        All scored trees are considered; of equal ones the fitter and then the older is chosen.

        Raises:
            EvollmError: If every evaluation failed.
        """
        return chosen(result, self.problem)

    def finalists(self, result: Result[Tree]) -> Finalists[Tree]:
        """Return the chosen tree, or the front's, to be scored on the test rows if any."""
        scored = any(one.error is None for one in result.population)
        if self.holdout is None or not scored:
            return Finalists()
        members = self.front(result) if self.objectives else [self.choose(result)]
        return Finalists(members, problem=replace(self.problem, valid=self.holdout.test))

    def report(self, result: Result[Tree]) -> Report:
        """Return the overview, with the chosen tree and its scores on all parts of the rows."""
        from problems.trees.present.report import report

        return report(self, result)

    def export(self, result: Result[Tree], folder: Path) -> list[Path]:
        """Write the chosen tree in all formats, and the front if any."""
        from problems.trees.present.report import files

        return files(self, result, folder)

    def controls(self) -> dict[str, "LLEGO"]:
        """Return classical genetic programming and random trees, both without a model."""
        classical = self.settings.without_model("classical")
        random = self.settings.without_model("random")
        return {
            "genetic programming": replace(self, settings=classical, model=None),
            "random trees": replace(self, settings=random, model=None),
        }

    def config(self, seed: int) -> dict[str, JSON]:
        """Return the settings and the task."""
        return {"seed": seed, "settings": describe(self.settings), "task": self.task}

    def front(self, result: Result[Any]) -> list[Individual[Any]]:
        """Return the trees of the population that are not dominated by another one.

        Raises:
            EvollmError: If the search had no objectives.
        """
        return front(result.population, self.weighted)

    def fitted(self, individual: Individual[Any]) -> Fitted:
        """Return a tree with its fitted leaves, ready to predict."""
        return self.problem.fit(individual.genome)


def chosen(result: Result[Any], problem: TreeFitness) -> Individual[Any]:
    """Return a run's chosen tree; see ``LLEGO.choose``."""
    name = f"valid_{named(problem.objectives[0])}"
    scored = [one for one in rows.evaluations(result.record) if one.error is None]
    if not scored:
        raise EvollmError(f"no tree could be scored ({result.stopped}): see the run's failures")

    def rank(one: rows.Evaluation) -> tuple[float, float, int]:
        score = one.metrics.get(name, one.fitness)
        return (-inf if isnan(score) else score, one.fitness, -one.candidate)

    one = max(scored, key=rank)
    found = queries.candidate(result.record, one.candidate)
    return Individual(found, Outcome(one.fitness, one.metrics, info=one.info))
