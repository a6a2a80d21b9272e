"""Seeds: every batch of a search is evaluated with a seed of its own."""

from dataclasses import replace
from typing import Any

from evollm.search.flow import Evaluate, Flow, draw_seed, seeded


def reseeded(flow: Flow, seed: int) -> Flow:
    """Run a flow with other seeds for its evaluations, one for each batch.

    A search that evaluates all batches with one seed finds what is best for that seed's noise.

    Args:
        flow: A flow.
        seed: Fixes the seeds.
    """
    rng, answer = seeded(seed, 2), None
    while True:
        try:
            asked: Any = flow.send(answer)
        except StopIteration as end:
            return end.value
        if isinstance(asked, Evaluate):
            asked = replace(asked, seed=draw_seed(rng))
        answer = yield asked
