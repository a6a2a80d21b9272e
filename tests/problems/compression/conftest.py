"""Tiny models."""

import pytest

from tests.problems.compression.support_search import Made
from tests.problems.compression.support_search import make as made
from tests.problems.lm.conftest import _one_thread, lm, make

__all__ = ["_one_thread", "lm", "make"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A tiny random llama of four blocks with text."""
    return made(tmp_path_factory.mktemp("tiny"))
