"""Tiny models, loaded once a session."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from problems.lm import LM, load
from tests.problems.lm.support_tiny import folder

Make = Callable[..., LM]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Compute tiny products in one thread: more would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Load a tiny model of a family, with or without special tokens around a text."""
    made: dict[tuple[str, bool], LM] = {}

    def make(family: str = "llama", around: bool = False) -> LM:
        key = family, around
        if key not in made:
            path: Path = tmp_path_factory.mktemp(family)
            made[key] = load(folder(path, family, around))
        return made[key]

    return make


@pytest.fixture(scope="session")
def lm(make: Make) -> LM:
    """A tiny llama that puts <s> before a text and </s> after it."""
    return make(around=True)
