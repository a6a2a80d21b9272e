"""The real offline model, one server for all tests that ask for it."""

import os
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from evollm.llm.client.settings import Settings
from evollm.llm.offline import weights
from evollm.llm.offline.lease import Service, lease, leave
from evollm.llm.offline.model import Offline, offline

CONTEXT = 1984 - 64 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""Unlike the default and that of other workers: a server that is killed is nobody else's."""


@pytest.fixture(scope="session")
def model_file() -> Path:
    """The offline model's weights, fetched once."""
    return weights.pull("offline")


@pytest.fixture(scope="session")
def service(model_file: Path) -> Iterator[Service]:
    """A service whose server lives as long as the session."""
    service = Service(grace=1.0, context=CONTEXT)
    yield service
    leave(service)


@pytest.fixture(scope="session")
def offline_model(service: Service) -> Offline:
    """The offline model without a cache of answers; it gives up on a dead server quickly."""
    settings = Settings(cache=None, concurrency=8, first_wait_s=0.05, retries=2)
    return offline(settings=settings, context=CONTEXT)


@pytest.fixture
def client(service: Service) -> Iterator[openai.OpenAI]:
    """The ordinary client, connected to that server."""
    address = lease(service)
    with openai.OpenAI(
        base_url=f"{address.url}/v1", api_key=address.token, max_retries=0
    ) as client:
        yield client
