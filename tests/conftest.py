"""What all tests share: one Ray session of this machine."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support_each import forget

settings.register_profile("quick", deadline=None, max_examples=50)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """Two processors' worth of Ray, started once."""
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    yield
    ray.shutdown()


@pytest.fixture(autouse=True)
def _unlearnt() -> None:
    forget()
