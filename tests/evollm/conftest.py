"""Runs of two methods, recorded once for all tests that only read them."""

from pathlib import Path
from typing import Any

import pytest

from evollm import Budget
from problems.blackbox import EvoLLM
from problems.blackbox.controls import Control


def bowl(x: Any) -> float:
    return float(((x - 1) ** 2).sum())


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with runs of seven seeds of hill climbing and of random search."""
    folder = tmp_path_factory.mktemp("recorded")
    for control in (Control("hill", {"sigma": 0.08}), Control("random")):
        for seed in range(7):
            system = EvoLLM(bowl, [(-5, 5)] * 2, strategy=control)
            system.run(Budget(evaluations=30), seed=seed, path=folder / f"{control.method}-{seed}")
    return folder
