"""A recorded run that the tests of its page share."""

from pathlib import Path

import pytest

from tests.evollm.report.support_hostile import recorded


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose every text is hostile."""
    return recorded(tmp_path_factory.mktemp("hostile") / "run <b>")
