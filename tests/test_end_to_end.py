"""EvoLLM through its Python API, with the real offline model from prompt to record."""

import json

import numpy as np
import pytest

from evollm import Budget
from evollm.executors import Ray
from evollm.llm.client.settings import Settings
from evollm.llm.offline.model import offline
from problems.blackbox import EvoLLM, Framed, Paper, maximize, minimize

pytestmark = pytest.mark.model
BOX = [(-5, 5)] * 2
PAPER = Paper(block=2, constrain=True)


def sphere(x):
    return float(((x - 1) ** 2).sum())


class Batch:
    def __init__(self):
        self.sizes = []

    def evaluate(self, points):
        self.sizes.append(len(points))
        return ((points - 1) ** 2).sum(axis=1)


@pytest.fixture(scope="module")
def model():
    return offline(settings=Settings(cache=None))


def test_three_lines_minimise(monkeypatch):
    monkeypatch.delenv("EVOLLM_MODEL", raising=False)
    found = minimize(sphere, BOX, 30)
    assert found.nfev == 30
    assert found.fun == sphere(found.x) == -found.result.fitness
    assert found.result.usage.calls > 0
    assert 0 <= found.fallback_share < 1


def test_three_lines_maximise(model):
    found = maximize(lambda x: -sphere(x), BOX, 30, model=model, strategy=PAPER)
    assert found.fun == -sphere(found.x) == found.result.fitness
    assert 0 <= found.fallback_share < 1


def test_a_batch_object_gets_whole_generations(model):
    batch = Batch()
    found = minimize(batch, BOX, 30, model=model)
    assert found.nfev == sum(batch.sizes) == 30
    assert batch.sizes[0] == 10
    assert set(batch.sizes[1:]) == {5}


def test_ask_and_tell_goes_on_where_it_was_left(model, tmp_path):
    told = []
    for evaluations in (17, 30):
        system = EvoLLM(sphere, BOX, model=model)
        with system.start(Budget(evaluations), path=tmp_path) as search:
            while points := search.ask():
                values = [sphere(point) for point in points]
                search.tell(points, values)
                told += values
            assert set(search.stop()) == {"evaluations"}
            assert len(told) == evaluations
            assert search.found.fun == min(told)
    assert search.result.usage.calls > 0


@pytest.mark.ray
def test_on_ray_workers(model, ray_session):
    system = EvoLLM(sphere, BOX, model=model)
    result = system.run(Budget(evaluations=30), executor=Ray(2))
    assert result.usage.evaluations == 30
    assert result.usage.failed == 0
    assert result.usage.calls > 0
    assert system.found(result).fun == sphere(system.found(result).x)


@pytest.mark.parametrize(
    ("strategy", "operator"), [(Framed(), "FramedSamples"), (PAPER, "Recombination")]
)
def test_every_call_is_on_record(model, strategy, operator, tmp_path):
    system = EvoLLM(sphere, [(-5, 5)] * 4, model=model, strategy=strategy)
    result = system.run(Budget(evaluations=30), seed=1, path=tmp_path)
    calls = result.record.rows(
        "SELECT name, request, answer, calls.prompt_tokens, completion_tokens, cached, cost"
        " FROM calls JOIN jobs ON jobs.id = calls.job ORDER BY calls.id"
    )
    usage = result.usage
    assert len(calls) == usage.calls >= 4
    for name, request, answer, prompt_tokens, completion_tokens, cached, cost in calls:
        assert name == operator
        assert "," in json.loads(request)["prompt"]
        assert json.loads(answer)["text"]
        assert prompt_tokens > 10
        assert 0 < completion_tokens <= json.loads(request)["max_tokens"]
        assert not cached
        assert cost == 0.0
    assert usage.prompt_tokens == sum(call[3] for call in calls)
    assert usage.completion_tokens == sum(call[4] for call in calls)
    found = system.found(result)
    assert found.nfev == 30
    assert found.fun == sphere(found.x) < 30
    assert 0 <= found.fallback_share < 0.5
    genomes = np.array(list(result.dataframe()["genome"]))
    assert genomes.shape == (30, 4)
    assert ((genomes >= 0) & (genomes <= 1)).all()
    again = system.run(Budget(evaluations=30), seed=1, path=tmp_path)
    assert again.usage.calls == usage.calls
    assert np.array_equal(system.found(again).x, found.x)
