"""A tiny model whose predictions levels change more than those of a fresh one."""

import pytest

from problems.lm import LM, load
from tests.problems.lm.support_tiny import folder


@pytest.fixture(scope="session")
def loud(tmp_path_factory: pytest.TempPathFactory) -> LM:
    """A tiny llama with larger weights."""
    return load(folder(tmp_path_factory.mktemp("loud"), initializer_range=0.3))
