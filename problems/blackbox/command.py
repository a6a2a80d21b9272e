"""``evollm run blackbox``: EvoLLM and its controls on a BBOB function, a task, or one's own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from evollm.cli.commands import Plan
from evollm.cli.loading import named
from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel
from evollm.runtime.budget import Budget
from evollm.runtime.result import Result
from evollm.types import Individual
from problems.blackbox.bbob import bbob, number_of
from problems.blackbox.control_tasks import TASKS, control, retest
from problems.blackbox.controls import flow
from problems.blackbox.function import Function
from problems.blackbox.options import Options, box, check, numbers, settings, task_of
from problems.blackbox.space import Space

GENERATIONS = 20
"""How many a control task gets where nothing is said."""


class Blackbox:
    """The command."""

    help = "minimise or maximise a function of numbers: EvoLLM and its controls"
    options = Options

    def plan(self, options: Options, connect: Callable[[], LanguageModel], seed: int) -> Plan:
        """Prepare a search; see ``evollm.cli.commands.Command``."""
        check(options)
        problem, optimum = _problem(options)
        given = settings(options)
        search = flow(options.method, problem.space, seed, connect, settings=given)
        task = task_of(options)
        target = _target(problem, optimum, options.target)
        label = "value" if optimum is None else "value above the optimum"
        return Plan(
            search,
            problem,
            Budget(evaluations=16 * GENERATIONS if task else 100, target=target),
            value=partial(_value, problem, optimum),
            show=partial(_weights if task else _show, problem),
            report=partial(_retested, problem) if task else _fallbacks,
            label="mean return" if task else label,
        )


COMMAND = Blackbox()


def _problem(options: Options) -> tuple[Function, float | None]:
    """Return the function, and its optimal value if that is known."""
    if task := task_of(options):
        return _control(options, task), None
    if ":" in options.function or options.function.endswith(".py"):
        low, high = box(options)
        space = Space.of([(low, high)] * options.dimension)
        return Function(named(options.function), space, options.maximize), None
    try:
        number = number_of(options.function)
    except EvollmError as error:
        more = ", ".join(TASKS)
        raise EvollmError(f"{error}, {more}, or FILE.py:NAME of yours") from None
    problem, _, optimum = bbob(number, options.dimension, options.instance)
    return problem, optimum


def _control(options: Options, task: str) -> Function:
    """Return a control task, whose box lies around 0."""
    low, high = box(options)
    if low != -high:
        raise EvollmError(f"the weights' --bounds must be -X,X, say -3,3, not {options.bounds}")
    hidden = numbers(options.hidden, "hidden", int, "16 or 8,8, or none")
    problem, _ = control(
        task,
        hidden=hidden,
        activation=options.activation,
        episodes=options.episodes,
        bound=high,
        instance=options.instance,
    )
    return problem


def _value(problem: Function, optimum: float | None, fitness: float) -> str:
    """Write a fitness as the function's value, or as its distance from a known optimum."""
    value = fitness if problem.maximize else 0.0 - fitness
    return f"{value - (optimum or 0.0):.6g}"


def _target(problem: Function, optimum: float | None, value: float | None) -> float | None:
    """Return the fitness of a value that the user aims at."""
    if value is None:
        return None
    return value if problem.maximize else -(value + (optimum or 0.0))


def _show(problem: Function, individual: Individual[Any]) -> str:
    return str(problem.space.decode(individual.genome))


def _weights(problem: Function, individual: Individual[Any]) -> str:
    return f"candidate {individual.id}, {len(problem.space)} weights"


def _fallbacks(result: Result[Any]) -> str:
    if not result.usage.calls:
        return ""
    share = result.fallback_share
    return f"fall-backs    {share:.1%} of what the model was asked came from a stand-in"


def _retested(problem: Function, result: Result[Any]) -> str:
    """Say beside the fall-backs what the best policy is worth in episodes that are new to it."""
    lines = [_fallbacks(result)]
    if result.best is not None and result.best.outcome.error is None:
        fresh = retest(problem, problem.space.decode(result.best.genome))
        lines.append(
            f"fresh         mean return {fresh:.1f} in 64 episodes that no search has seen"
        )
    return "\n".join(line for line in lines if line)
