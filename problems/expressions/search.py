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
SHARES = {
    "cxOnePoint": 0.6,
    "mutUniform": 0.1,
    "mutNodeReplacement": 0.1,
    "mutInsert": 0.05,
    "mutShrink": 0.05,
    "numbers": 0.1,
}
"""The shares of the classical operators in their children."""
_BROOD = 10
_TOURNAMENT = 5
_ELITE = 0.05
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
    ways = Adaptive(matings) if settings.adapts else matings
    size = settings.population
    if settings.parsimony:
        return nsga2(start, ways, OBJECTIVES, size=size, seed=seed, key=key_of)
    return generational(
        start,
        ways,
        size=size,
        offspring=settings.offspring,
        seed=seed,
        parents=tournament(_TOURNAMENT),
        survivors=elitist,
        key=key_of,
    )


def elitist(pool: Sequence[Individual[Any]], k: int, rng: Generator) -> list[Individual[Any]]:
    """Return the children of the last step and the fittest twentieth of the others, ``k`` in all.

    If there are too many, the fittest are returned; of equal ones smaller and older ones. If there
    are too few, more of the others are.
    """
    newest = max(one.step for one in pool)
    children = [one for one in pool if one.step == newest]
    others = _ranked([one for one in pool if one.step != newest])
    kept = max(1, round(_ELITE * k), k - len(children))
    return _ranked([*others[:kept], *children])[:k]


def _ranked(pool: Sequence[Individual[Any]]) -> list[Individual[Any]]:
    return sorted(pool, key=lambda one: (-one.fitness, len(one.genome), one.id))


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
    shares = [SHARES[name] for name in operators]
    if not settings.asks:
        return [
            Mating(
                one, arity=2 * _BROOD if name == "cxOnePoint" else _BROOD, brood=_BROOD, share=share
            )
            for (name, one), share in zip(operators.items(), shares, strict=True)
        ]
    assert model is not None
    mixed = Mix(list(operators.values()), shares, "classical")
    asked = _asked(settings, primitives, limits, model, task)
    if settings.operators == "model":
        return [_held(mating, mixed) for mating in asked]
    return [Mating(mixed, arity=2 * settings.brood, brood=settings.brood), *asked]


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
