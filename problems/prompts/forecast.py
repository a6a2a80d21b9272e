"""What a run would take in tokens and seconds, found out before anything is spent."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil, inf

from evollm.runtime.budget import Budget
from problems.prompts.data.scores import LEAST_ELITES
from problems.prompts.fitness import SELECTION, TEST, PromptFitness
from problems.prompts.methods.baselines import LeaveOneOut, Unpruned
from problems.prompts.methods.evolution import Evolution
from problems.prompts.methods.front import Front
from problems.prompts.methods.greedy import Steepest, TAPruning
from problems.prompts.methods.llmlingua import LLMLingua
from problems.prompts.methods.method import Method

SAMPLE = 4
"""Examples that are scored to measure the speed; where answers are written, one."""


@dataclass(frozen=True)
class Part:
    """One part of a run.

    Attributes:
        name: What it is.
        prompts: How many prompts are scored, at most; infinity if that is open.
        examples: On how many examples each.
        each: Tokens of the unpruned prompt on these.
        most: The most tokens in all, whatever the number of prompts.
    """

    name: str
    prompts: float
    examples: int
    each: int
    most: float = inf

    @property
    def tokens(self) -> float:
        """Tokens in all; infinity if that is open."""
        return min(self.prompts * self.each, self.most)

    def __str__(self) -> str:
        many = "as many prompts as the budget allows"
        many = f"at most {self.prompts:,.0f} prompts" if self.prompts < inf else many
        total = f", {self.tokens:,.0f} in all" if self.tokens < inf else ""
        return (
            f"{self.name:<13} {many} on {self.examples} examples, "
            f"{self.each:,} tokens per prompt{total}"
        )


def forecast(problem: PromptFitness, method: Method, budget: Budget) -> str:
    """Return what a run would take, in lines.

    Every prompt is counted with the tokens of the unpruned one, so pruned ones take fewer. Seconds
    are estimated from a few examples that a model in this process scores; an endpoint is not asked.

    Args:
        problem: What scores prompts.
        method: How they are pruned.
        budget: What ends the search.

    Raises:
        EvollmError: If the model can't read the prompt or the label words.
    """
    parts = parts_of(problem, method, budget)
    usual = parts_of(problem, method, replace(budget, evaluations=_usual(problem, method, parts)))
    total = sum(part.tokens for part in parts)
    lines = [f"budget        {_limits(budget)}", f"model         {problem.reader.name}"]
    lines += [str(part) for part in parts]
    lines += [f"total         at most {total:,.0f} tokens"] if total < inf else []
    if usual != parts:
        fewer = sum(part.tokens for part in usual)
        lines.append(
            f"likely        about {usual[0].prompts:,} prompts, {fewer:,.0f} tokens: children lose "
            "tokens until survivors are short (--min-length)"
        )
    if problem.reader.asks_model:
        calls = sum(part.prompts * part.examples for part in parts)
        lines += [f"calls         at most {calls:,.0f}"] if calls < inf else []
        lines.append("seconds       not measured, because that would ask the endpoint")
        return "\n".join([*lines, "no model was called, and nothing was evaluated or written"])
    speed = measured(problem)
    lines.append(f"speed         {speed:,.0f} tokens per second, measured on a few examples")
    seconds = _seconds(parts, speed, budget)
    lines += [f"seconds       at most about {seconds:,.0f}, an estimate"] if seconds < inf else []
    if usual != parts:
        lines.append(f"likely        about {_seconds(usual, speed, budget):,.0f} seconds")
    return "\n".join([*lines, "nothing else was evaluated, and nothing was written"])


def parts_of(problem: PromptFitness, method: Method, budget: Budget) -> list[Part]:
    """Return the parts of a run: the search, the selection among its best, and the test."""
    splits = problem.task.splits
    prompts = most(method, len(problem.prompt.free), budget.generations)
    prompts = min(prompts, inf if budget.evaluations is None else budget.evaluations)
    finalists = _finalists(method, prompts)
    cost = inf if budget.cost is None else budget.cost
    parts = [Part("search", prompts, len(splits.search), problem.tokens(), cost)]
    if splits.select:
        parts.append(Part("selection", finalists, len(splits.select), problem.tokens(SELECTION)))
    if splits.test:
        parts.append(Part("test", min(2, prompts), len(splits.test), problem.tokens(TEST)))
    return parts


def most(method: Method, prunable: int, generations: int | None = None) -> float:
    """Return how many prompts a method scores at most.

    Args:
        method: The method.
        prunable: How many tokens can be pruned.
        generations: Most generations; None for no limit.

    Returns:
        Infinity if only another limit ends it.
    """
    if isinstance(method, Unpruned):
        return 1
    if isinstance(method, LeaveOneOut):
        return max(1 + prunable, 2 * prunable - 1)
    if isinstance(method, TAPruning):
        return 1 + method.max_passes * prunable
    if isinstance(method, Steepest):
        return 1 + prunable * (prunable + 1) // 2
    if isinstance(method, LLMLingua):
        return 1 + method.rates
    if isinstance(method, Evolution) and generations is not None:
        first = 1 if method.start == "copies" else 1 + method.population
        return first + generations * method.offspring
    return inf


def measured(problem: PromptFitness) -> float:
    """Return the tokens per second with which a model scores the unpruned prompt.

    Raises:
        EvollmError: If it can't read the prompt or the label words.
    """
    problem.prepare()
    sample = problem.task.splits.search[: SAMPLE if problem.task.labelled else 1]
    problem.judged(problem.prompt.whole, sample[:1])  # the first pass is slower than the others
    begun = time.perf_counter()
    found = problem.judged(problem.prompt.whole, sample)
    return found.tokens / max(time.perf_counter() - begun, 1e-6)


def _finalists(method: Method, prompts: float) -> float:
    """Return how many prompts are compared in the end, the unpruned one included."""
    if isinstance(method, Front):
        return 1 + method.population
    if not method.reranks:
        return min(2, prompts)
    return min(1 + max(LEAST_ELITES, ceil(0.1 * prompts)), prompts) if prompts < inf else inf


def _seconds(parts: Sequence[Part], speed: float, budget: Budget) -> float:
    """Return how long a run takes; the search no longer than its limit."""
    search = min(parts[0].tokens / speed, inf if budget.seconds is None else budget.seconds)
    return search + sum(part.tokens for part in parts[1:]) / speed


def _usual(problem: PromptFitness, method: Method, parts: Sequence[Part]) -> int | None:
    """Return how many prompts a search is likely to score; None if the budget ends it before."""
    limit = parts[0].prompts
    if isinstance(method, Evolution):
        loss = (method.fewest + method.most) / 2
        steps = ceil(max(0, len(problem.prompt.free) - method.min_length) / loss)
        limit = min(limit, 1 + steps * method.offspring)
    return int(limit) if limit < inf else None


def _limits(budget: Budget) -> str:
    names = {"cost": "tokens"}
    given = [
        f"{limit:g} {names.get(name, name)}"
        for name, limit in asdict(budget).items()
        if limit is not None
    ]
    return ", ".join(given) or "none"
