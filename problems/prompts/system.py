"""PromptQuine for users: a search for the pruned prompt that works best, and what it came to."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from evollm import Budget, EvollmError, Individual, Result
from evollm.algorithms.pareto import front
from evollm.executors.base import Executor
from evollm.report.page import Report
from evollm.runtime.driver import Callback
from evollm.runtime.finals import Finalists
from evollm.search.fingerprint import describe
from evollm.search.flow import Flow
from evollm.search.search import Search
from evollm.system import System
from evollm.types import JSON
from evollm.units import Units
from problems.lm.settings import LMSettings
from problems.prompts.choice import chosen, finalists, unpruned
from problems.prompts.data.builtin import load
from problems.prompts.data.example import Example
from problems.prompts.data.splits import Splits, cut
from problems.prompts.data.task import Task
from problems.prompts.data.template import Template
from problems.prompts.fitness import PromptFitness
from problems.prompts.forecast import forecast
from problems.prompts.methods.baselines import RandomPruning, Unpruned
from problems.prompts.methods.evolution import Evolution
from problems.prompts.methods.front import Front
from problems.prompts.methods.greedy import TAPruning
from problems.prompts.methods.method import Method
from problems.prompts.pruned import Pruned, pruned
from problems.prompts.readers.judging import Judge
from problems.prompts.readers.named import reader_of
from problems.prompts.reference import section
from problems.prompts.tokens import Mask, Mode, Prompt

PROMPTS = 10_000
"""How many prompts a search scores at most by default; the paper's."""
UNITS = {
    "reward": Units("mean reward", format=".4g"),
    "accuracy": Units("accuracy", format=".3f"),
    "joint": Units("joint score", format=".4g"),
    "content": Units("content", format=".4g"),
    "style": Units("style", format=".3f"),
    "fluency": Units("fluency", format=".3f"),
}


class PromptQuine(System[Mask]):
    """In-context prompts pruned token by token by evolution.

    Wang, Hu, Bing: Evolving Prompts In-Context: An Open-ended, Self-replicating Perspective, 2025,
    arXiv 2506.17930.

    Args:
        model: Who reads the prompt: None for the offline model, a name as in
            ``problems.prompts.readers.named.reader_of``, or a ``Reader``.
        prompt: The unpruned prompt with its slots; None for demonstrations drawn from the task.
        task: What it is for: a built-in task's name, or a ``Task``.
        method: How to prune; None for ``Evolution()``, the paper's search.
        shots: Demonstrations per class, where the prompt is drawn.
        demonstrations: Seed of their draw.
        objective: The metric to reward; empty for the task's first, for labels the margin reward.
        mode: How a pruned prompt reaches the model; see ``problems.prompts.tokens.Mode``.
        merged: See ``Prompt.of``.
        halving: Score prompts on the first half of the examples, and those that reach the worst
            survivor there on the other half; for the generational form.
        equally: Whether both halves weigh the same.
        judge: How answers are scored; None for the task's kind.
        lm: How a model in this process is loaded.
        like_reference: Compare as many prompts in the end as the reference code does, and list in
            the report what else of it is not done; see ``problems.prompts.reference``.

    Raises:
        EvollmError: If there is no such task, or the prompt's slots are not the task's.
    """

    def __init__(
        self,
        model: Any = None,
        prompt: str | Template | None = None,
        task: Task | str = "rt2",
        *,
        method: Method | None = None,
        shots: int = 1,
        demonstrations: int = 0,
        objective: str = "",
        mode: Mode = "text",
        merged: bool = True,
        halving: bool = False,
        equally: bool = False,
        judge: Judge | None = None,
        lm: LMSettings | None = None,
        like_reference: bool = False,
    ) -> None:
        self.task = load(task) if isinstance(task, str) else task
        self.method = method or Evolution()
        self.budget = Budget(evaluations=PROMPTS)
        self.reader = reader_of(model, lm)
        self._given = prompt.text if isinstance(prompt, Template) else prompt
        self._draw = (shots, demonstrations)
        self._objective = objective or self.task.metrics[0]
        self._merged = merged
        self.like_reference = like_reference
        self._scoring: dict[str, Any] = {
            "objective": self._objective,
            "mode": mode,
            "halving": halving,
            "equally": equally,
            "judge": judge,
        }

    @cached_property
    def problem(self) -> PromptFitness:  # type: ignore[override]
        """What scores masks: made on first use, for it loads the model's tokenizer."""
        mode = self._scoring["mode"]
        cut_up = Prompt.of(self.template, self.reader.tokenizer, mode, self._merged)
        return PromptFitness(cut_up, self.task, self.reader, **self._scoring)

    @cached_property
    def template(self) -> Template:
        """The unpruned prompt."""
        masked = self.reader.masked
        if self._given is not None:
            return self.task.template(self._given, masked=masked)
        return self.task.prompt(*self._draw, masked=masked)

    @property
    def units(self) -> dict[str, Units]:  # type: ignore[override]
        """The objective, and the task's metrics by their names."""
        known = {name: UNITS.get(name, Units(name)) for name in self.task.metrics}
        return {"fitness": known.get(self._objective, Units(self._objective)), **known}

    @property
    def opening(self) -> str:  # type: ignore[override]
        """The task, its examples and the prompt's length."""
        sizes = ", ".join(f"{len(split)} to {name}" for name, split in self._splits())
        free, whole = len(self.problem.prompt.free), len(self.problem.prompt.ids)
        return (
            f"task {self.task.name}: examples {sizes}; the prompt has {whole} tokens, of which "
            f"{free} can be pruned"
        )

    def flow(self, seed: int) -> Flow | Search:
        """Return the search."""
        return self.method.flow(self.problem, seed)

    def write(self, individual: Individual[Mask]) -> str:
        """Return the pruned prompt's text."""
        return self.problem.write(individual.genome)

    def finalists(self, result: Result[Mask]) -> Finalists[Mask]:
        """Return who is scored after the search: first the best on the examples to select with.

        The unpruned prompt is scored beside them. When the choice is made, it and the unpruned
        prompt are scored on the test examples, once.
        """
        return finalists(self, result)

    def unpruned(self, result: Result[Mask]) -> Individual[Mask] | None:
        """Return the unpruned prompt with its search score; None if it could not be scored."""
        return unpruned(result)

    def choose(self, result: Result[Mask]) -> Individual[Mask]:
        """Return the prompt that is best on the examples to select with.

        Equal ones go by the higher search score, then shorter, then earlier. Without such examples,
        or where the method makes its own choice, it is the search's best.

        Raises:
            EvollmError: If every evaluation failed.
        """
        return chosen(self, result)

    def forecast(self, budget: Budget) -> str:
        """Return the tokens and the seconds that a run would take; see ``forecast``."""
        return forecast(self.problem, self.method, budget)

    def report(self, result: Result[Mask]) -> Report:
        """Return the chosen prompt beside the unpruned one, and how it came."""
        from problems.prompts.present.report import report

        found = report(self, result)
        if self.like_reference:
            return replace(found, sections=[*found.sections, section()])
        return found

    def export(self, result: Result[Mask], folder: Path) -> list[Path]:
        """Write the pruned prompt as text, as JSON and as a picture, and the curve."""
        from problems.prompts.present.report import files

        return files(self, result, folder)

    def controls(self) -> dict[str, "PromptQuine"]:
        """Return the unpruned prompt, random pruning and TAPruning on the same examples."""
        methods: Sequence[Method] = (Unpruned(), RandomPruning(), TAPruning())
        return {method.title: self.by(method) for method in methods}

    def config(self, seed: int) -> dict[str, JSON]:
        """Return the method's settings, the task with its examples' digests, and the prompt."""
        kept = {name: describe(value) for name, value in self._scoring.items()}
        kept["like_reference"] = self.like_reference
        return {
            "seed": seed,
            "task": self.task.name,
            "model": self.reader.name,
            "method": [type(self.method).__name__, describe(self.method)],
            "prompt": self.template.text,
            "examples": {name: one.digest for name, one in self.task.splits.provenance.items()},
            **kept,
        }

    def by(self, method: Method) -> "PromptQuine":
        """Return the same search by another method."""
        return self._again(self.task, method)

    def search(
        self,
        examples: Splits | Iterable[Example | tuple[object, object]] | None = None,
        budget: Budget | None = None,
        *,
        seed: int = 0,
        executor: Executor | None = None,
        path: str | Path | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Pruned:
        """Prune the prompt, and return what works best.

        Args:
            examples: None for the task's own. ``Splits``; or examples, or pairs of a text (or of
                texts by slot) and its label, which are split into those to search, to select and
                to test with.
            budget: What ends the search; None for 10,000 scored prompts.
            seed: The only source of randomness except the model.
            executor: Where prompts are scored.
            path: The run directory; the same call on it goes on where its record stops.
            callbacks: Each called as ``f(run, individual)`` after an evaluation.

        Raises:
            EvollmError: If the examples are too few or of one label only, the model can't read the
                prompt, or every evaluation failed.
        """
        system = self if examples is None else self._again(self._with(examples), self.method)
        result = system.run(budget, seed=seed, executor=executor, path=path, callbacks=callbacks)
        return system.pruned(result)

    def pruned(self, result: Result[Mask]) -> Pruned:
        """Return what a run came to."""
        return pruned(self, result)

    def front(self, result: Result[Mask]) -> list[Individual[Mask]]:
        """Return the survivors that no other one beats in accuracy or length; see ``Front``."""
        return front(result.population, Front.objectives(self.problem))

    def _with(self, examples: Splits | Iterable[Example | tuple[object, object]]) -> Task:
        if isinstance(examples, Splits):
            return self.task.with_splits(examples)
        found = self.task.usable([self._example(one) for one in examples])
        return self.task.with_splits(cut(found, fit=True))

    def _example(self, given: Example | tuple[object, object]) -> Example:
        if isinstance(given, Example):
            return given
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise EvollmError(
                f"an example is a text and its label, not {str(given)[:40]!r}: give pairs"
            )
        return self.task.example(*given)

    def _again(self, task: Task, method: Method) -> "PromptQuine":
        scoring = {**self._scoring}
        shots, demonstrations = self._draw
        return PromptQuine(
            self.reader,
            self._given,
            task,
            method=method,
            shots=shots,
            demonstrations=demonstrations,
            merged=self._merged,
            like_reference=self.like_reference,
            **scoring,
        )

    def _splits(self) -> list[tuple[str, Sequence[Example]]]:
        return [(name, split) for name, split in self.task.splits if name != "demonstrations"]
