"""The search for expressions: its operators, their shares, and its survivors."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from numpy.random import Generator

from evollm.algorithms.generations import generational, nsga2
from evollm.algorithms.mating import Adaptive, Mating
from evollm.algorithms.selection import tournament
from evollm.llm.base import LanguageModel, Sampling
from evollm.search.flow import Flow
from evollm.types import Individual, Operator
from operators.compose import Fallback, Mix, Unique
from operators.expressions.constants import NumberMutation
from operators.expressions.genome import key_of
from operators.expressions.grammar import grammar
from operators.expressions.primitives import Primitives
from operators.expressions.reading import read_answer
from operators.expressions.variation import Limits, classical, random_expressions
from operators.expressions.writing import write
from operators.text.prompting import TextCodec, TextCrossover, TextMutation
from problems.expressions.settings import ExpressionSettings

OBJECTIVES = {"fitness": 1.0, "size": -1.0}
"""The objectives of a search with parsimony."""
_BROOD = 10
_TOKENS = 120
_DIGITS = 4


def flow(
    settings: ExpressionSettings,
    primitives: Primitives,
    model: LanguageModel | None,
    task: str,
    seed: int,
) -> Flow:
    """Return the search.

    Args:
        settings: Its settings.
        primitives: What expressions are made of.
        model: The language model; None if the settings use none.
        task: What the model is told of the task.
        seed: The only source of randomness except the model.
    """
    limits = Limits(settings.max_height, settings.max_size)
    fresh = random_expressions(primitives, limits)
    start = Unique(fresh, key=key_of)
    matings = _matings(settings, primitives, limits, model, task)
    ways = Adaptive(matings) if settings.adaptive and len(matings) > 1 else matings
    size = settings.population
    if settings.parsimony:
        return nsga2(start, ways, OBJECTIVES, size=size, seed=seed, key=key_of)
    return generational(
        start,
        ways,
        size=size,
        offspring=settings.offspring,
        seed=seed,
        parents=tournament(3),
        survivors=lean,
        key=key_of,
    )


def lean(pool: Sequence[Individual[Any]], k: int, rng: Generator) -> list[Individual[Any]]:
    """Return the ``k`` fittest, fittest first; of equal ones smaller and older ones first."""
    return sorted(pool, key=lambda one: (-one.fitness, len(one.genome), one.id))[:k]


def _matings(
    settings: ExpressionSettings,
    primitives: Primitives,
    limits: Limits,
    model: LanguageModel | None,
    task: str,
) -> list[Mating]:
    if settings.operators == "random":
        fresh = random_expressions(primitives, limits)
        return [Mating(fresh, arity=0, brood=settings.population)]
    operators: dict[str, Operator[Any]] = dict(classical(primitives, limits))
    if primitives.constants:
        operators["numbers"] = NumberMutation()
    if not settings.asks:
        return [_classical(name, one, _BROOD) for name, one in operators.items()]
    assert model is not None
    stand_in = Mix([one for name, one in operators.items() if name.startswith("mut")])
    asked = _asked(settings, primitives, limits, model, task)
    if settings.operators == "model":
        return [_held(mating, stand_in) for mating in asked]
    return [*(_classical(name, one, settings.brood) for name, one in operators.items()), *asked]


def _classical(name: str, operator: Operator[Any], brood: int) -> Mating:
    """Return a mating that makes several children of drawn parents in one job."""
    return Mating(operator, arity=2 * brood if name.startswith("cx") else brood, brood=brood)


def _held(mating: Mating, stand_in: Operator[Any]) -> Mating:
    operator: Operator[Any] = Fallback(mating.variation, stand_in)
    return Mating(operator, mating.parents, mating.arity, mating.brood)


def _asked(
    settings: ExpressionSettings,
    primitives: Primitives,
    limits: Limits,
    model: LanguageModel,
    task: str,
) -> list[Mating]:
    """Return the model's combination of several expressions, and its change of one."""
    codec = TextCodec(
        partial(write, digits=_DIGITS),
        partial(
            read_answer,
            primitives=primitives,
            max_height=limits.max_height,
            max_size=limits.max_size,
        ),
        "expression",
    )
    chat = settings.mode == "chat"
    sampling = Sampling(
        temperature=settings.temperature,
        max_tokens=_TOKENS,
        stop=() if chat else ("\n",),
        mode=settings.mode,
        grammar=grammar(primitives) if settings.hold == "grammar" else None,
    )
    cross = TextCrossover(model, task, codec, sampling)
    mutate = TextMutation(model, task, codec, sampling)
    return [
        Mating(cross, arity=settings.arity, brood=settings.brood),
        Mating(mutate, arity=settings.brood, brood=settings.brood),
    ]
