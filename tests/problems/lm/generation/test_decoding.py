"""Generation: together as alone, stops, limits and sampling."""

from dataclasses import replace

import pytest
import torch

from evollm.errors import EvollmError
from problems.lm import LM, load
from problems.lm.generation import Decoding, Generated, generate
from problems.lm.tokens import decode, ids_of
from tests.problems.lm.conftest import Make

PROMPTS = ["The harbour", "Don't ask why the boats", "She", "The harbour was empty: 34"]
LIMITS = [4, 2, 3, 6]
CAUSAL = ["llama", "mistral", "qwen2", "qwen3", "phi", "phi3", "gemma", "gemma2", "gemma3", "gpt2"]
UNLIKE = ["llama4", "gpt-neo", "mpt", "bloom"]
"""Families that look back in chunks, call the window otherwise, or count places by themselves."""


def greedy(lm: LM, prompt: str, limit: int) -> list[int]:
    """Continue by whole passes, one token at a time."""
    ids = [*lm.before, *ids_of(lm, prompt)]
    for _ in range(limit):
        ids.append(int(lm.model(torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] in lm.ends:
            break
    return ids


@pytest.mark.parametrize("family", CAUSAL)
def test_together_as_one_by_one(make: Make, family: str) -> None:
    lm = make(family, around=True)
    found = generate(lm, PROMPTS, LIMITS)
    for prompt, limit, [one] in zip(PROMPTS, LIMITS, found, strict=True):
        ids = greedy(lm, prompt, limit)
        assert one.prompt_tokens == 1 + len(ids_of(lm, prompt))
        assert one.tokens == len(ids) - one.prompt_tokens
        new = ids[one.prompt_tokens :]
        assert one.text == decode(lm, [i for i in new if i not in lm.ends])
        assert one.reason == ("end" if new[-1] in lm.ends else "length")


def test_batches_and_a_shared_start_change_nothing(lm: LM) -> None:
    prompts = [f"The harbour was {rest}" for rest in ("empty", "a", "full of boats, and")]
    alone = generate(lm, prompts, 8, decoding=Decoding(batch=1))
    assert generate(lm, prompts, 8) == alone
    assert generate(lm, prompts[::-1], 8)[::-1] == alone
    sampling = Decoding(temperature=1.0, samples=3, batch=2)
    assert generate(lm, prompts, 8, decoding=sampling) == generate(
        lm, prompts, 8, decoding=replace(sampling, batch=16)
    )


@pytest.mark.parametrize("family", CAUSAL + UNLIKE)
def test_prompts_of_several_searches_are_each_read_after_their_own_start(
    make: Make, family: str
) -> None:
    lm = make(family, around=True)
    starts = [[i % 7 + 3 for i in range(70)], [i % 5 + 9 for i in range(66)]]
    prompts = [[*start, *end] for start in starts for end in ([4, 5], [6], [8, 5, 9])]
    prompts = [*prompts[::2], [5, 6], *prompts[1::2]]
    sampling = Decoding(temperature=1.0, samples=2)
    alone = [
        generate(lm, [prompt], 6, decoding=sampling, seed=[seed])[0]
        for seed, prompt in enumerate(prompts)
    ]
    seen: list[int] = []
    handle = lm.model.register_forward_pre_hook(lambda _, args: seen.append(args[0].numel()))
    together = generate(lm, prompts, 6, decoding=sampling, seed=list(range(len(prompts))))
    handle.remove()
    assert together == alone
    if family in ("llama", "gpt2"):
        assert seen[:5] == [70, 3 * 3, 66, 3 * 3, 2]


@pytest.mark.parametrize("family", CAUSAL)
def test_a_prompt_asked_often_is_computed_once(make: Make, family: str) -> None:
    lm = make(family, around=True)
    sampling = Decoding(temperature=1.0, samples=3)
    prompts = [PROMPTS[0], PROMPTS[1], PROMPTS[0]]
    alone = [
        generate(lm, [prompt], 6, decoding=sampling, seed=[seed])[0]
        for seed, prompt in enumerate(prompts)
    ]
    assert generate(lm, prompts, 6, decoding=sampling, seed=[0, 1, 2]) == alone
    seen: list[int] = []
    handle = lm.model.register_forward_pre_hook(lambda _, args: seen.append(args[0].numel()))
    generate(lm, [PROMPTS[0]] * 5, 1)
    handle.remove()
    assert seen == [1 + len(ids_of(lm, PROMPTS[0]))]


def test_a_row_that_ends_leaves_the_others_alone(lm: LM) -> None:
    [[whole]] = generate(lm, [PROMPTS[1]], 12)
    ids = greedy(lm, PROMPTS[1], 12)[-12:]
    ended = replace(lm, ends=(ids[3],))
    first = ids.index(ids[3])
    found = generate(ended, [PROMPTS[0], PROMPTS[1]], 12)
    assert found[1][0].reason == "end"
    assert found[1][0].tokens == first + 1
    assert whole.text.startswith(found[1][0].text)
    assert found[0] == generate(ended, [PROMPTS[0]], 12)[0]


def test_stop_strings_cut_the_text(lm: LM) -> None:
    [[whole]] = generate(lm, ["She"], 12)
    middle = whole.text[5:7]
    [[cut]] = generate(lm, ["She"], 12, stop=["never there", middle])
    assert cut.reason == "stop"
    assert cut.text == whole.text[: whole.text.find(middle)]
    assert cut.tokens < whole.tokens


def test_tokens_come_with_their_log_probabilities(lm: LM) -> None:
    sampling = Decoding(temperature=0.7, likeliest=3)
    [[plain]] = generate(lm, ["She"], 8, decoding=replace(sampling, likeliest=0), seed=4)
    [[one]] = generate(lm, ["She"], 8, decoding=sampling, seed=4)
    assert replace(one, likely=()) == plain
    ids = [*lm.before, *ids_of(lm, "She")]
    for said in one.likely:
        logs = lm.model(torch.tensor([ids])).logits[0, -1].log_softmax(0)
        assert said.logprob == pytest.approx(float(logs[said.token]), abs=1e-4)
        assert [token for token, _ in said.top] == logs.topk(3).indices.tolist()
        ids.append(said.token)
    assert decode(lm, ids[-len(one.likely) :]) == one.text
    [[cut]] = generate(lm, ["She"], 8, decoding=sampling, seed=4, stop=[one.text[3:5]])
    assert cut.likely == one.likely[: len(cut.likely)]
    assert decode(lm, [said.token for said in cut.likely]).startswith(cut.text)
    with pytest.raises(EvollmError, match="likeliest must be 0 or more"):
        Decoding(likeliest=-1)


def test_ids_are_taken_as_they_are(lm: LM) -> None:
    ids = [*lm.before, *ids_of(lm, "She")]
    assert generate(lm, [ids], 5) == generate(lm, ["She"], 5)
    assert generate(lm, [ids_of(lm, "She")], 5)[0][0].prompt_tokens == len(ids) - 1


def test_samples_follow_seed_and_temperature(lm: LM) -> None:
    def sampled(seed: int, **named: float) -> list[Generated]:
        decoding = Decoding(samples=4, **named)  # type: ignore[arg-type]
        return generate(lm, ["She"], 6, decoding=decoding, seed=seed)[0]

    assert sampled(0, temperature=1.0) == sampled(0, temperature=1.0)
    assert sampled(0, temperature=1.0) != sampled(1, temperature=1.0)
    assert len({one.text for one in sampled(0, temperature=1.0)}) > 1
    best = generate(lm, ["She"], 6)[0][0]
    assert sampled(0, temperature=1.0, top_k=1) == [best] * 4
    assert sampled(0, temperature=1e-6) == [best] * 4


def test_top_k_chooses_by_the_models_shares(lm: LM) -> None:
    ids = torch.tensor([[*lm.before, *ids_of(lm, PROMPTS[1])]])
    values, order = lm.model(ids).logits[0, -1].topk(2)
    decoding = Decoding(temperature=0.05, top_k=2, samples=400)
    [found] = generate(lm, [PROMPTS[1]], 1, decoding=decoding)
    share = float((values / 0.05).softmax(0)[0])
    names = [decode(lm, [lm.before[0], int(i)]).removeprefix("<s>") for i in order]
    assert {one.text for one in found} == {*names}
    assert abs(sum(one.text == names[0] for one in found) / 400 - share) < 0.1


def test_what_cannot_be_generated(lm: LM, make: Make) -> None:
    with pytest.raises(EvollmError, match="fills in masks"):
        generate(make("bert"), ["a"], 1)
    with pytest.raises(EvollmError, match="prompt 1 has no tokens"):
        generate(lm, ["a", []], 1)
    with pytest.raises(EvollmError, match=r"limits\[0\] must be a whole number, 1 or more"):
        generate(lm, ["a"], 0)
    with pytest.raises(EvollmError, match="does not fit in the 128"):
        generate(lm, ["a"], 127)
    with pytest.raises(EvollmError, match="one limit for all prompts"):
        generate(lm, ["a"], [1, 2])
    with pytest.raises(EvollmError, match="temperature must be 0 or more"):
        Decoding(temperature=-1)


@pytest.mark.model
def test_the_offline_model_answers() -> None:
    lm = load()
    [[one]] = generate(lm, ["The capital of France is"], 8, stop=["."])
    assert one == Generated(" Paris", 2, 5, "stop")
