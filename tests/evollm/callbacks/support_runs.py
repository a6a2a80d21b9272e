"""A run with failures, a model and rejected answers, which the tests of callbacks watch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evollm import Budget, Result
from evollm.callbacks.points import Points
from evollm.llm.scripted import Scripted
from evollm.types import JSON
from problems.blackbox import EvoLLM

SCRIPT = {0: "40,60", 1: "oh <dear>", 2: "10,20"}
SECRET = "hunter2"


def bowl(x: np.ndarray) -> float:
    if x[0] > 3:
        raise ValueError("too <far>")
    return float((x**2).sum())


class Bowl(EvoLLM):
    """A function to minimise, so that values and fitness differ, with a key among its settings."""

    def config(self, seed: int) -> dict[str, JSON]:
        return {**super().config(seed), "servers": [{"api_key": SECRET, "max_tokens": 8}]}


def search(
    evaluations: int, path: Path | None = None, callbacks: Sequence[Any] = ()
) -> Result[Any]:
    """Run the search, or continue it."""
    model = Scripted(lambda prompt, sample, options: SCRIPT[sample % 3])
    system = Bowl(bowl, [(-5, 5)] * 2, model=model)
    return system.run(Budget(evaluations=evaluations), seed=1, path=path, callbacks=callbacks)


def expected(result: Result[Any]) -> dict[str, list[tuple[int, float]]]:
    """Return step and value of all points of a run, by the value's name."""
    found: dict[str, list[tuple[int, float]]] = {}
    for point in Points(result.record).until(10**9):
        for name, value in point.values.items():
            found.setdefault(name, []).append((point.step, value))
    return found
