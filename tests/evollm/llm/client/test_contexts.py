"""Contexts: limits are read from refusals in many words, and tokens are not underestimated."""

import pickle

import pytest

from evollm.errors import EvollmError
from evollm.llm.base import Sampling
from evollm.llm.client.contexts import REFUSED, count, estimate, most_tokens, named_limit, too_long
from evollm.llm.client.settings import Settings
from evollm.llm.offline.model import Offline, offline
from tests.evollm.llm.conftest import CONTEXT
from tests.evollm.llm.support_faulty import Act, Seen, Server, complain, endpoint, say
from tests.support_each import each

SAID = {
    "This model's maximum context length is 4097 tokens. However, you requested 5000 tokens": 4097,
    "request (9001 tokens) exceeds the available context size (2048 tokens), try it": 2048,
    "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens": 4096,
    "prompt is too long: 208310 tokens > 200000 maximum": 200_000,
    "Prompt contains 40000 tokens, too large for model with 32768 maximum context length": 32_768,
    "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)": 2**20,
    "the model is loaded with context length of only 4096 tokens, which is not enough": 4096,
    "The input (5000 tokens) is longer than the model's context length (2,048 tokens)": 2048,
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens": 131_072,
}
TEXTS = [
    "worst concave points: of the cell, 0.02832 to 0.1604\n" * 20,
    "(glucose<127.5 (body_mass_index<29.95 0 1) (age<30.5 1 0))\n" * 9,
    'x123 = 1e-05, 17.25%, größe, Köln, \t 体重 ∑ "quoted" {a, b}\n' * 5,
    "Decision trees of at most 3 questions in a row: (name<number A B) is A where name <= number",
    "ALT_GPT AST_GOT eGFR_CKD_EPI HbA1c_NGSP ICD10_E11.9 SNOMED\n" * 8,
]


@each("said", SAID)
def test_a_refusal_names_the_limit(said: str) -> None:
    assert named_limit(said) == SAID[said]
    assert too_long(f"{REFUSED}, it is too long: {said}")


@each(
    "said", ["status 400: 12 is no temperature", "max_tokens must be 5", "the answer was cut off"]
)
def test_other_refusals_name_none(said: str) -> None:
    assert named_limit(said) is None
    assert not too_long(f"{REFUSED}: {said}")
    assert not too_long(None)


def short(seen: Seen) -> Act:
    """Take up to 100 tokens, the answer included; refuse as vLLM does, with no code for it."""
    asked = estimate(seen.prompt) + int(seen.body["max_tokens"])
    if asked <= 100:
        return say("yes", seen)
    said = f"This model's maximum context length is 100 tokens. However, you requested {asked}."
    return complain(400, said, type="BadRequestError", code=400)


def test_a_limit_is_learnt_from_a_refusal_and_kept() -> None:
    with Server(short) as server:
        model = endpoint(server)
        assert model.context is None
        [[answer], [other]] = model.complete(
            ["a b " * 100, "a b"], Sampling(mode="plain", max_tokens=9)
        )
        assert "maximum context length is 100" in str(answer.error)
        assert other.text == "yes"
        assert model.context == pickle.loads(pickle.dumps(model)).context == 100
        assert endpoint(server, context=50).context == 50


def test_the_settings_take_a_limit_above_0_only() -> None:
    for wrong in (0, -5):
        with pytest.raises(EvollmError, match="setting context must be at least 1"):
            Settings(context=wrong)


def test_chats_have_room_for_their_template() -> None:
    chat = [{"role": "user", "content": "abc"}]
    assert count(object(), ["abc"]) == [2]
    assert count(object(), [chat])[0] > 20
    assert most_tokens(chat) > most_tokens("abc") >= 3


@pytest.mark.model
def test_the_estimate_is_rather_too_high_and_the_offline_model_counts(
    offline_model: Offline,
) -> None:
    for text, exact in zip(TEXTS, offline_model.count_tokens(TEXTS), strict=True):
        assert exact <= estimate(text) <= 2.5 * exact
    [[answer]] = offline_model.complete(TEXTS[:1], Sampling(mode="plain", max_tokens=2))
    assert abs(count(offline_model, TEXTS[:1])[0] - answer.prompt_tokens) <= 1
    assert offline_model.context == CONTEXT


@pytest.mark.model
def test_the_offline_model_has_the_context_that_it_is_given(model_file: object) -> None:
    assert offline().context == 2048
    assert offline(context=512, settings=Settings(context=9)).context == 512
