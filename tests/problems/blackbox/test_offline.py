"""EvoLLM with the real offline model."""

import numpy as np
import pytest

from evollm import Budget
from evollm.llm.client.settings import Settings
from evollm.llm.offline.model import offline
from problems.blackbox.framed import Framed
from problems.blackbox.paper import Paper
from problems.blackbox.system import EvoLLM

pytestmark = pytest.mark.model
BOX = [(-5, 5)] * 3


def sphere(x):
    return float(((x - 1) ** 2).sum())


@pytest.fixture(scope="module")
def model():
    return offline(settings=Settings(cache=None))


@pytest.mark.parametrize("strategy", [Framed(), Paper(constrain=True, block=2)])
def test_a_real_model_searches_and_its_answers_are_used(model, strategy, tmp_path):
    system = EvoLLM(sphere, BOX, model=model, strategy=strategy)
    result = system.run(Budget(evaluations=40), seed=1, path=tmp_path)
    found = system.found(result)
    assert found.nfev == 40
    assert found.fun == sphere(found.x) < 30
    assert found.fallback_share < 0.5
    assert result.usage.calls >= 8
    assert result.usage.money == 0.0
    again = system.run(Budget(evaluations=40), seed=1, path=tmp_path)
    assert again.usage.calls == result.usage.calls
    assert np.array_equal(system.found(again).x, found.x)
