"""A model in this process, asked as an endpoint is."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread, current_thread
from typing import Any

import numpy as np
import pytest

from evollm import Budget, run
from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel, ModelError, Sampling
from evollm.llm.client.answers import Answer
from evollm.llm.client.billing import Reply
from evollm.llm.client.requests import Ask
from evollm.paths import TRAINED
from evollm.runtime.budget import models
from evollm.store import rows
from operators.vectors.framed import FramedSamples
from problems.blackbox.bbob import bbob
from problems.blackbox.framed import Framed
from problems.lm import LM
from problems.lm.generation import Decoding, generate
from problems.lm.generation.answering import Answering, _Job, answering
from tests.problems.lm.conftest import Make
from tests.problems.lm.support_tiny import folder
from tests.support_each import each

PLAIN = Sampling(mode="plain", max_tokens=6, seed=3, partial=True)


def test_answers_are_those_of_generation_and_repeat(lm: LM) -> None:
    model: LanguageModel = Answering(lm)
    found = model.complete(["The harbour", "She"], PLAIN, n=2)
    again = Answering(lm, batch=1).complete(["She", "The harbour"], PLAIN, n=2)[::-1]
    assert [[one.text for one in row] for row in found] == [
        [one.text for one in row] for row in again
    ]
    alone = generate(lm, ["She"], 6, decoding=Decoding(1.0), seed=[4])[0][0]
    assert found[1][1].text == alone.text
    assert found[1][1].completion_tokens == alone.tokens
    assert len({one.key for row in found for one in row}) == 4
    assert found[0][0].text != found[0][1].text


def test_an_answer_that_is_cut_off_has_an_error_unless_it_may_be(lm: LM) -> None:
    [[one]] = Answering(lm).complete(["She"], Sampling(mode="plain", max_tokens=2, seed=0))
    assert one.error == "the answer was cut off at max_tokens (2)"
    assert one.answered
    [[one]] = Answering(lm).complete(["She"], Sampling(mode="plain", max_tokens=2, partial=True))
    assert one.error is None


def test_searches_side_by_side_share_a_batch(lm: LM, monkeypatch: pytest.MonkeyPatch) -> None:
    model, sizes = Answering(lm), list[int]()

    def counted(lm: LM, prompts: Any, *args: Any, **more: Any) -> Any:
        sizes.append(len(prompts))
        return generate(lm, prompts, *args, **more)

    monkeypatch.setattr("problems.lm.generation.answering.generate", counted)
    model._computing.acquire()  # what comes meanwhile must wait, and is then taken together
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(model.complete, [f"boat {i}"], PLAIN) for i in range(4)]
        while len(model._waiting) < 4:
            pass
        model._computing.release()
        texts = [one.result()[0][0].text for one in waiting]
    assert sizes == [4]
    assert texts == [model.complete([f"boat {i}"], PLAIN)[0][0].text for i in range(4)]


def test_all_is_computed_in_one_thread(lm: LM, monkeypatch: pytest.MonkeyPatch) -> None:
    held, threads = [Answering(lm)], set[Thread]()

    def noted(*args: Any, **more: Any) -> Any:
        threads.add(current_thread())
        return generate(*args, **more)

    monkeypatch.setattr("problems.lm.generation.answering.generate", noted)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: held[0].complete([f"boat {i}"], PLAIN), range(12)))
    held[0].complete(["She"], PLAIN)
    [thread] = threads
    assert thread is not current_thread()
    assert thread.is_alive()
    held.clear()
    thread.join(10)
    assert not thread.is_alive()


def test_as_many_operators_wait_for_it_as_it_answers_at_once(lm: LM) -> None:
    [found] = models([FramedSamples(Answering(lm, batch=24))])
    assert (found.concurrency, found.price.output) == (24, 0.0)


def test_one_prompt_that_cannot_be_continued_leaves_the_others(lm: LM) -> None:
    found = Answering(lm).complete(["She", "boat " * 200], PLAIN)
    assert found[0][0].error is None
    assert "does not fit in the 128" in str(found[1][0].error)
    with pytest.raises(ModelError, match="does not fit in the 128"):
        Answering(lm).complete(["boat " * 200], PLAIN)


def test_samples_without_a_seed_differ(lm: LM) -> None:
    [found] = Answering(lm).complete(["She"], Sampling(mode="plain", max_tokens=6, partial=True), 3)
    assert len({one.text for one in found}) == 3


def test_a_thread_whose_answers_are_there_leaves_others_theirs(lm: LM) -> None:
    model = Answering(lm)
    with model._computing, ThreadPoolExecutor(1) as pool:
        pool.submit(model._computed, []).result(5)  # nothing to compute waits for nobody
        others = _Job(Ask("m", "e", "She", PLAIN))
        model._waiting.append(others)
    done = _Job(Ask("m", "e", "He", PLAIN), Reply(Answer("x")))
    model._computed([done])
    assert others.reply is None
    model._computed([_Job(Ask("m", "e", "She", PLAIN))])
    assert others.reply is not None


def test_an_interrupted_computation_fails_the_answers_that_others_wait_for(
    lm: LM, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("problems.lm.generation.answering.generate", interrupted)
    model, others = Answering(lm), _Job(Ask("m", "e", "She", PLAIN))
    model._waiting.append(others)
    with pytest.raises(KeyboardInterrupt):
        model.complete(["He"], PLAIN)
    assert others.reply is not None
    assert others.reply.answer.error == "the computation was interrupted"


def test_log_probabilities_are_those_of_the_answers_tokens(lm: LM) -> None:
    sampling = Sampling(mode="plain", max_tokens=6, top_logprobs=2, partial=True, seed=3)
    [replies] = Answering(lm).complete(["She"], sampling, 3)
    for reply in replies:
        assert "".join(token.text for token in reply.tokens) == reply.text
        assert all(
            len(token.top) == 2 and token.logprob <= token.top[0][1] for token in reply.tokens
        )


def test_what_it_cannot_do_is_refused(lm: LM, make: Make, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no chat template: ask it in plain mode"):
        Answering(lm).complete(["She"], Sampling(mode="chat"))
    with pytest.raises(EvollmError, match="run it with threads"):
        pickle.dumps(Answering(lm))
    with pytest.raises(EvollmError, match="fills in masks and can't answer"):
        Answering(make("bert"))
    with pytest.raises(EvollmError, match=f"there is no adapter .*{TRAINED}"):
        answering(str(folder(tmp_path / "tiny", "llama", False)), tmp_path)


def test_an_adapter_is_merged_into_the_weights(tmp_path: Path) -> None:
    import torch

    from evollm.tuning.adapter import write_gguf
    from evollm.tuning.settings import TrainSettings
    from evollm.tuning.train import adapted
    from problems.lm import load

    place = str(folder(tmp_path / "tiny", "llama", False))
    taught = adapted(load(place).model, TrainSettings(rank=2))
    for name, weight in taught.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    taught.save_pretrained(str(tmp_path / "adapter"))
    model = answering(place, tmp_path / "adapter")
    assert "with adapter" in model.name
    for family in ("phi3", "gpt2"):
        other = str(folder(tmp_path / family, family, False))
        with pytest.raises(EvollmError, match=r"does not fit .*: name another"):
            answering(other, tmp_path / "adapter")
    ids = torch.tensor([[5, 9, 7]])
    with torch.no_grad():
        torch.testing.assert_close(model.lm.model(ids).logits, taught(ids).logits)
    assert (model.lm.model(ids).logits - load(place).model(ids).logits).abs().max() > 1e-4
    size = model.lm.model.config
    file = tmp_path / "adapter.gguf"
    write_gguf(tmp_path / "adapter", file, size.num_attention_heads, size.num_key_value_heads)
    single = answering(place, file)
    torch.testing.assert_close(
        single.lm.model(ids).logits, model.lm.model(ids).logits, rtol=0, atol=5e-3
    )
    wider = folder(tmp_path / "wider", "llama", False, intermediate_size=40)
    with pytest.raises(EvollmError, match=r"does not fit .*no such layers\.0\.mlp.*: name another"):
        answering(str(wider), file)
    for damaged, named in ((tmp_path / "adapter" / TRAINED, tmp_path / "adapter"), (file, file)):
        damaged.write_bytes(b"damaged")
        with pytest.raises(EvollmError, match=r"does not fit .*: name another"):
            answering(place, named)
    with pytest.raises(EvollmError, match="holds no adapter that can be read"):
        write_gguf(tmp_path / "adapter", file, 4, 2)


def test_a_search_of_numbers_asks_it(lm: LM) -> None:
    problem, space, _ = bbob("sphere", 2)
    flow = Framed().flow(Answering(lm), space, (), 0)
    result = run(flow, problem, budget=Budget(evaluations=20))
    assert not rows.rejections(result.record)
    assert result.usage.calls >= 10
    assert len(rows.calls(result.record)) == result.usage.calls
    assert result.best is not None
    assert np.isfinite(result.best.fitness)


@each("budget", [Budget(tokens=600), Budget(calls=7)])
def test_a_budget_is_kept_and_what_it_had_room_for_is_recorded(budget: Budget, lm: LM) -> None:
    problem, space, _ = bbob("sphere", 2)
    flow = Framed().flow(Answering(lm), space, (), 0)
    result = run(flow, problem, budget=budget)
    assert "budget" in result.stopped
    assert 0 < len(rows.calls(result.record)) <= (budget.calls or 1000)
    assert result.usage.tokens <= (budget.tokens or 10_000)
