"""Methods: EvoLLM and its controls by name, each as a flow over the unit cube."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from evollm.flow import Flow
from evollm.llm.base import LanguageModel
from problems.blackbox.baselines import cma_es, hill_climbing, random_search, recombination_es
from problems.blackbox.context import Context
from problems.blackbox.framed import Framed
from problems.blackbox.opening import Points
from problems.blackbox.space import Space
from problems.blackbox.strategy import Paper

MODELS = ("framed", "paper")
CONTROLS: Mapping[str, Callable[..., Flow]] = {
    "random": random_search,
    "hill": hill_climbing,
    "recombination": recombination_es,
    "cma": cma_es,
}
TITLES = {
    "random": "random search",
    "hill": "hill climbing",
    "recombination": "recombination (no model)",
    "cma": "CMA-ES",
    "paper": "EvoLLM, the paper's way",
    "framed": "EvoLLM, framed samples (ours)",
}
SHORT = Paper(context=Context(generations=3, members=3))
"""The paper's loop with prompts of nine rows, which the small offline model reads fast."""


def flow(
    method: str,
    space: Space,
    seed: int,
    connect: Callable[[], LanguageModel],
    *,
    start: Points = (),
    settings: Mapping[str, Any] | None = None,
) -> Flow:
    """Return a method's search.

    Args:
        method: One of ``MODELS`` or ``CONTROLS``.
        space: Whose unit cube is searched.
        seed: The only source of chance but for the model.
        connect: Returns the model; called only by a method that needs one.
        start: Points to evaluate first.
        settings: Fields of ``Framed`` or ``Paper``, or keywords of a control, that differ from
            their defaults.
    """
    if method in CONTROLS:
        return CONTROLS[method](len(space), start=start, seed=seed, **(settings or {}))
    strategy = replace(Framed() if method == "framed" else SHORT, **(settings or {}))
    return strategy.flow(connect(), space, start, seed)
