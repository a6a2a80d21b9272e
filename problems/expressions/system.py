"""Symbolic regression: a search for expressions that predict a number from rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from numpy.typing import ArrayLike

from evollm import Budget, EvollmError, Individual, Result
from evollm.algorithms.pareto import front
from evollm.llm.base import LanguageModel
from evollm.report.page import Report
from evollm.runtime.finals import Finalists
from evollm.search.fingerprint import describe
from evollm.search.flow import Flow
from evollm.system import System
from evollm.types import JSON
from evollm.units import Units
from operators.deap.genomes import Expression
from operators.expressions.primitives import Primitives, words
from operators.expressions.writing import write
from problems.expressions.fitness import ExpressionFitness, Rows
from problems.expressions.formula import Formula
from problems.expressions.search import OBJECTIVES, flow
from problems.expressions.settings import ExpressionSettings

GENERATIONS = 50
VALID, TEST = "valid_", "test_"
_SECOND = 1  # a seed of its own tells the second round of finals from the first


@dataclass(frozen=True)
class SymbolicRegression(System[Expression]):
    """Expressions evolved by DEAP's operators, a language model, or both.

    ``of`` makes one from rows.

    Attributes:
        problem: Scores expressions.
        settings: Settings of the search.
        model: The language model; None for the one named in the environment, or the small offline
            model.
        task: Description of what is predicted, for the model.
        names: Names of the variables as the user knows them; empty for those in expressions.
        target: Name of the target.
        valid: Rows on which the chosen expression is the best of the last population; None to
            choose it on the training rows.
        test: Rows on which the chosen expression is scored at the end; None for none.
        opening: What the command line prints before the run.
    """

    problem: ExpressionFitness
    settings: ExpressionSettings = field(default_factory=ExpressionSettings)
    model: LanguageModel | None = None
    task: str = ""
    names: tuple[str, ...] = ()
    target: str = "y"
    valid: Rows | None = None
    test: Rows | None = None
    opening: str = ""
    budget: ClassVar[Budget] = Budget(generations=GENERATIONS)  # type: ignore[misc]
    units: ClassVar[Mapping[str, Units]] = {  # type: ignore[misc]
        "fitness": Units("training NRMSE", maximize=False),
        "r2": Units("training R2"),
        "valid_nrmse": Units("validation NRMSE", maximize=False),
        "valid_r2": Units("validation R2"),
        "test_nrmse": Units("test NRMSE", maximize=False),
        "test_r2": Units("test R2"),
    }

    @classmethod
    def of(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        settings: ExpressionSettings | None = None,
        *,
        names: Sequence[str] = (),
        target: str = "y",
        model: LanguageModel | None = None,
        task: str = "",
        valid: Rows | None = None,
        test: Rows | None = None,
        opening: str = "",
    ) -> "SymbolicRegression":
        """Return the search for rows.

        Args:
            X: Shape ``(rows, variables)``.
            y: One number per row.
            settings: Settings of the search.
            names: Names of the variables; ``x1``, ``x2``, ... by default.
            target: Name of the target.
            model: See the class.
            task: See the class.
            valid: See the class.
            test: See the class.
            opening: See the class.

        Raises:
            EvollmError: If rows, targets or settings are invalid.
        """
        chosen, rows = settings or ExpressionSettings(), Rows.of(X, y)
        known = tuple(names) or tuple(f"x{i + 1}" for i in range(rows.X.shape[1]))
        if len(known) != rows.X.shape[1]:
            raise EvollmError(f"there are {rows.X.shape[1]} columns and {len(known)} names")
        primitives = Primitives(words(known), chosen.names, chosen.constants)
        problem = ExpressionFitness(primitives, rows, chosen.scaling)
        return cls(problem, chosen, model, task, known, target, valid, test, opening)

    def flow(self, seed: int) -> Flow:
        """Return the search."""
        model = self.model
        if model is None and self.settings.asks:
            from evollm.llm.connect import connect

            model = connect()
        return flow(self.settings, self.problem.primitives, model, self.described(), seed)

    def described(self) -> str:
        """Return what a model is told of the task."""
        primitives = self.problem.primitives
        known = self.names or primitives.variables
        pairs = zip(primitives.variables, known, strict=True)
        renamed = [f"{word} is {name}" for word, name in pairs if word != name]
        numbers = "numbers, " if primitives.constants else ""
        return " ".join(
            [
                *([self.task] if self.task else []),
                f"Find an expression for {self.target} in {', '.join(primitives.variables)}, with "
                f"{numbers}+ - * / ^ and {', '.join(_calls(primitives.functions)) or 'brackets'}.",
                *([f"{'; '.join(renamed)}."] if renamed else []),
                "A score is minus the error: 0 is best.",
            ]
        )

    def write(self, individual: Individual[Expression]) -> str:
        """Return an expression as text, without its scale."""
        return write(individual.genome)

    def finalists(self, result: Result[Expression]) -> Finalists[Expression]:
        """Return the population to score on validation rows, then the chosen one on test rows."""
        sound = [one for one in result.population if one.error is None]
        if self.valid is not None and sound and not _scored(result, VALID):
            return Finalists(sound, problem=replace(self.problem, held=self.valid, part=VALID))
        if self.test is None or not sound:
            return Finalists()
        chosen = self.front(result) if self.settings.parsimony else [self.choose(result)]
        problem = replace(self.problem, held=self.test, part=TEST)
        return Finalists(chosen, seed=_SECOND, problem=problem)

    def choose(self, result: Result[Expression]) -> Individual[Expression]:
        """Return the expression that is best on the validation rows; without any, on the others.

        Raises:
            EvollmError: If nothing was evaluated.
        """
        valid = {one.id: one for one in _scored(result, VALID)}
        sound = [one for one in result.population if one.id in valid]
        if sound:
            return max(sound, key=lambda one: (valid[one.id].fitness, one.fitness, -one.id))
        if result.best is None:
            raise EvollmError(f"nothing was evaluated ({result.stopped}): raise the budget")
        return result.best

    def front(self, result: Result[Expression]) -> list[Individual[Expression]]:
        """Return the expressions of the population that are not dominated in error and size."""
        return front(result.population, OBJECTIVES)

    def formula(self, individual: Individual[Expression]) -> Formula:
        """Return an expression with its scale, ready to predict and to be exported.

        Raises:
            EvollmError: If its values on the training rows are not finite.
        """
        scale = self.problem.scale(individual.genome)
        variables = self.problem.primitives.variables
        return Formula(individual.genome, variables, scale, self.names or variables, self.target)

    def report(self, result: Result[Expression]) -> Report:
        """Return the overview, with the chosen formula and its scores on all parts of the rows."""
        from problems.expressions.report import report

        return report(self, result)

    def export(self, result: Result[Expression], folder: Path) -> list[Path]:
        """Write the chosen formula as text, Python and LaTeX, and the front if any."""
        from problems.expressions.report import files

        return files(self, result, folder)

    def controls(self) -> dict[str, "SymbolicRegression"]:
        """Return the search by DEAP's operators alone, and random search."""
        classical = replace(self.settings, operators="classical")
        random = replace(self.settings, operators="random")
        found = {"random expressions": replace(self, settings=random, model=None)}
        if self.settings.asks:
            found["genetic programming"] = replace(self, settings=classical, model=None)
        return found

    def config(self, seed: int) -> dict[str, JSON]:
        """Return the settings and the task."""
        return {"seed": seed, "settings": describe(self.settings), "task": self.described()}


def _scored(result: Result[Expression], part: str) -> list[Individual[Expression]]:
    """Return the finalists that were scored on a part of the rows."""
    return [one for one in result.finals if one.error is None and f"{part}r2" in one.metrics]


def _calls(functions: Sequence[str]) -> list[str]:
    """Return the functions that are written with brackets."""
    written = ("add", "sub", "mul", "div", "neg", "square", "cube")
    return [name for name in functions if name not in written]
