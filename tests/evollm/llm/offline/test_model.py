"""The offline model as operators see it: a `LanguageModel`."""

import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel, Sampling
from evollm.llm.client.settings import Settings
from evollm.llm.offline.lease import lease, running
from evollm.llm.offline.model import Offline, offline
from tests.evollm.llm.conftest import CONTEXT

pytestmark = pytest.mark.model
ROOT = Path(__file__).parents[4]
DIGITS = 'root ::= [0-9] [0-9] "," [0-9] [0-9]'
WORKER = """
import pickle, sys
model = pickle.load(sys.stdin.buffer)
from evollm.llm.base import Sampling
sampling = Sampling(mode="plain", max_tokens=1, temperature=0)
print(model.complete(["The capital of France is"], sampling)[0][0].text)
"""


def test_is_a_language_model_free_of_charge(offline_model: Offline) -> None:
    assert isinstance(offline_model, LanguageModel)
    assert offline_model.name == "offline"
    answers = offline_model.complete(
        ["What is 2+2?", "What is 3+3?"], Sampling(max_tokens=30, seed=1), n=2
    )
    assert [len(samples) for samples in answers] == [2, 2]
    for sample in (sample for samples in answers for sample in samples):
        assert sample.cost == 0
        assert sample.prompt_tokens > 20
        assert 0 < sample.completion_tokens <= 30


def test_constraints_and_log_probabilities(offline_model: Offline) -> None:
    [samples] = offline_model.complete(
        ["10,12\n11,13\n"],
        Sampling(mode="plain", grammar=DIGITS, max_tokens=8, top_logprobs=10, seed=0),
        n=4,
    )
    for sample in samples:
        assert sample.error is None
        assert sample.text.replace(",", "").isdecimal()
        assert "".join(token.text for token in sample.tokens) == sample.text
        assert all(len(token.top) == 10 for token in sample.tokens)
        assert sample.logprob < 0


def test_schema(offline_model: Offline) -> None:
    schema = {"type": "array", "items": {"type": "boolean"}, "minItems": 3, "maxItems": 3}
    [[sample]] = offline_model.complete(
        ["Say yes or no."], Sampling(schema=schema, max_tokens=60, seed=0)
    )
    assert sample.error is None


def test_prompt_that_is_too_long_is_refused_in_one_sentence(offline_model: Offline) -> None:
    prompts = ["a b c d " * 1000, "a b c d"]
    [[refused], [answered]] = offline_model.complete(prompts, Sampling(mode="plain", max_tokens=1))
    assert "exceeds the available context size (2048 tokens)" in str(refused.error)
    assert "\n" not in str(refused.error)
    assert answered.text


def test_dead_server_is_replaced_at_the_next_call(offline_model: Offline) -> None:
    offline_model.complete(["one"], Sampling(mode="plain", max_tokens=1))
    before = lease(offline_model.service)
    kill_server(offline_model)
    [[sample]] = offline_model.complete(
        ["two"], Sampling(mode="plain", max_tokens=4, temperature=0)
    )
    assert sample.text
    assert lease(offline_model.service) != before


@pytest.mark.parametrize("by_another", [False, True])
def test_server_that_dies_in_mid_call_is_replaced(by_another: bool, offline_model: Offline) -> None:
    prompts = [f"Story {i}: once" for i in range(4)]
    with ThreadPoolExecutor(1) as pool:
        sampling = Sampling(mode="plain", max_tokens=100, seed=0)
        later = pool.submit(offline_model.complete, prompts, sampling)
        while not busy(offline_model):
            time.sleep(0.01)
        kill_server(offline_model)
        if by_another:  # who starts a server before the call has noticed that its own is dead
            lease(offline_model.service)
        answers = later.result()
    assert all(sample.completion_tokens > 0 for [sample] in answers)


def test_unpickled_in_another_process_it_finds_the_server(offline_model: Offline) -> None:
    offline_model.complete(["one"], Sampling(mode="plain", max_tokens=1))
    pickled = pickle.dumps(offline_model)
    assert lease(offline_model.service).token.encode() not in pickled
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=pickled,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == "Paris"


def test_answers_are_kept_over_servers(offline_model: Offline, tmp_path: Path) -> None:
    kept = offline(settings=Settings(cache=tmp_path / "answers.sqlite"), context=CONTEXT)
    [[first]] = kept.complete(["Once"], Sampling(mode="plain", max_tokens=5))
    kill_server(kept)
    again = offline(settings=Settings(cache=tmp_path / "answers.sqlite"), context=CONTEXT)
    [[second]] = again.complete(["Once"], Sampling(mode="plain", max_tokens=5))
    assert second.cached
    assert second.text == first.text
    assert running(again.service.folder) is None  # nothing had to be asked


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvollmError, match=r"none\.gguf"):
        offline(str(tmp_path / "none.gguf"))


def busy(model: Offline) -> bool:
    """Return whether the server works on a request right now."""
    server = lease(model.service)
    with openai.OpenAI(base_url=server.url, api_key=server.token) as client:
        slots: Any = client.get("/slots", cast_to=object)
    return any(slot["is_processing"] for slot in slots)


def kill_server(model: Offline) -> None:
    folder = str(model.service.folder).encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            ours = folder in (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if ours:
            os.kill(int(entry.name), signal.SIGKILL)
    while running(model.service.folder):
        time.sleep(0.01)


def test_many_samples_are_the_same_alone_and_in_one_call(offline_model):
    rows = ["43,74\n44,70\n45,71\n", "10,20\n11,21\n12,22\n"]
    sampling = Sampling(mode="plain", max_tokens=8, stop=("\n",), temperature=2.0, seed=5)
    together = offline_model.complete(rows, sampling, n=11)
    for prompt, samples in zip(rows, together, strict=True):
        assert len(samples) == 11
        for i in (0, 7, 8, 10):
            [[alone]] = offline_model.complete([prompt], replace(sampling, seed=5 + i))
            assert (alone.text, alone.error) == (samples[i].text, samples[i].error)
            assert alone.prompt_tokens == samples[i].prompt_tokens
            assert alone.completion_tokens == samples[i].completion_tokens
