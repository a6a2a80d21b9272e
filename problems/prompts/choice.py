"""The choice: who is scored after a search for a pruned prompt, and which prompt it comes to."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from evollm import EvollmError, Individual, Result
from evollm.runtime.finals import Finalists
from evollm.store import queries, rows
from evollm.types import Outcome
from problems.prompts.data.scores import choose, elites, percentile_pool
from problems.prompts.fitness import SELECTION, TEST
from problems.prompts.methods.front import Front
from problems.prompts.tokens import Mask

if TYPE_CHECKING:
    from problems.prompts.system import PromptQuine


def finalists(system: "PromptQuine", result: Result[Mask]) -> Finalists[Mask]:
    """Return who is scored next; see ``PromptQuine.finalists``.

    Args:
        system: The search that was run.
        result: Its result, with the finals scored so far.
    """
    if not _complete(result):
        return Finalists()
    whole = unpruned(result)
    beside = [] if whole is None else [whole]
    splits = system.task.splits
    if splits.select and all(one.fidelity != SELECTION for one in result.finals):
        return Finalists(_once([*_compared(system, result), *beside]), SELECTION)
    if splits.test:
        return Finalists(_once([chosen(system, result), *beside]), TEST)
    return Finalists()


def chosen(system: "PromptQuine", result: Result[Mask]) -> Individual[Mask]:
    """Return the prompt that the search comes to; see ``PromptQuine.choose``.

    Args:
        system: The search that was run.
        result: Its result.

    Raises:
        EvollmError: If every evaluation failed.
    """
    known = {one.candidate: one for one in _complete(result)}
    if not known or result.best is None:
        raise EvollmError(f"no prompt could be scored ({result.stopped}): see the failures")
    selected = _at(result, SELECTION)
    if not selected or not system.method.reranks:
        return result.best
    pool = [one for one in _compared(system, result) if one.id in selected]
    if not pool:
        return result.best
    place = choose(
        [selected[one.id].metrics[system.task.headline] for one in pool],
        [known[one.id].fitness for one in pool],
        [int(known[one.id].metrics["length"]) for one in pool],
    )
    return pool[place]


def unpruned(result: Result[Mask]) -> Individual[Mask] | None:
    """Return the unpruned prompt with its search score; None if it could not be scored."""
    first = next((one for one in _complete(result) if np.all(one.genome)), None)
    return None if first is None else _individual(result, first)


def _compared(system: "PromptQuine", result: Result[Mask]) -> list[Individual[Mask]]:
    """Return who is compared on more examples: the best, the front, or the method's choice."""
    if isinstance(system.method, Front):
        return system.front(result)
    if not system.method.reranks:
        return [result.best] if result.best else []
    scored = _complete(result)
    fitness = [one.fitness for one in scored]
    if system.like_reference:
        return [_individual(result, scored[place]) for place in percentile_pool(fitness)]
    lengths = [int(one.metrics["length"]) for one in scored]
    places = elites(fitness, lengths, [one.text or one.candidate for one in scored])
    return [_individual(result, scored[place]) for place in places]


def _complete(result: Result[Mask]) -> list[rows.Evaluation]:
    """Return the prompts that were scored on all search examples, in the order of their births."""
    found = [one for one in rows.evaluations(result.record) if one.error is None and not one.bound]
    return sorted(found, key=lambda one: one.candidate)


def _at(result: Result[Mask], rung: int) -> Mapping[int, Individual[Mask]]:
    return {one.id: one for one in result.finals if one.fidelity == rung and one.error is None}


def _individual(result: Result[Mask], one: rows.Evaluation) -> Individual[Mask]:
    found = queries.candidate(result.record, one.candidate)
    return Individual(found, Outcome(one.fitness, one.metrics, info=one.info))


def _once(individuals: Iterable[Individual[Mask]]) -> list[Individual[Mask]]:
    return list({one.id: one for one in individuals}.values())
