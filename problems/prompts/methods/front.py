"""A front of accuracy against length, by NSGA-II."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evollm.algorithms.duplicates import Distinct
from evollm.algorithms.generations import nsga2
from evollm.algorithms.mating import Mating
from evollm.checks import positive
from evollm.search.search import Search
from operators.masks import Prune
from problems.prompts.fitness import PromptFitness
from problems.prompts.methods.evolution import RandomPrunings, check_losses


@dataclass(frozen=True)
class Front:
    """Searches for prompts that are best for their length.

    Attributes:
        population: Prompts on the front, and children per generation.
        fewest: Fewest tokens that a child loses.
        most: Most tokens that a child loses.
    """

    population: int = 30
    fewest: int = 1
    most: int = 4
    title: ClassVar[str] = "front"
    reranks: ClassVar[bool] = True

    def __post_init__(self) -> None:
        positive(population=self.population)
        check_losses(self.fewest, self.most)

    @staticmethod
    def objectives(problem: PromptFitness) -> Mapping[str, float]:
        """Return what is weighed: accuracy, or what the task has in its place, and length."""
        return {problem.task.headline: 1.0, "length": -1.0}

    def flow(self, problem: PromptFitness, seed: int) -> Search:
        """Return the search; the unpruned prompt is in its first population."""
        flow = nsga2(
            RandomPrunings(len(problem.prompt.free)),
            Mating(Prune(self.fewest, self.most), arity=1),
            self.objectives(problem),
            size=self.population,
            seed=seed,
            key=Distinct(problem.key),
        )
        return Search(flow).enqueue([problem.prompt.whole])
