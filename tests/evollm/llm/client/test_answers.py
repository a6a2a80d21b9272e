"""Replies of all kinds, well formed and not."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evollm.llm.base import Sampling, Token
from evollm.llm.client.answers import Answer, dump, load, read
from tests.support_each import each

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CHOICE = st.fixed_dictionaries(
    {},
    optional={
        "text": JSONS,
        "message": JSONS | st.fixed_dictionaries({}, optional={"content": JSONS, "refusal": JSONS}),
        "finish_reason": JSONS,
        "logprobs": JSONS
        | st.fixed_dictionaries(
            {},
            optional={"content": JSONS, "tokens": JSONS, "token_logprobs": JSONS},
        ),
    },
)
REPLY = st.fixed_dictionaries(
    {},
    optional={
        "choices": JSONS | st.lists(CHOICE, max_size=2),
        "usage": JSONS
        | st.fixed_dictionaries({"prompt_tokens": JSONS, "completion_tokens": JSONS}),
        "system_fingerprint": JSONS,
        "error": JSONS,
    },
)
TOP = {"token": "a", "logprob": -0.5}


def one(reply, options):
    """Read a reply of one sample."""
    [answer] = read(reply, options)
    return answer


@given(REPLY, st.sampled_from(["chat", "plain"]), st.integers(0, 1))
def test_any_reply_gives_an_answer(reply: dict[str, Any], mode: Any, top: int) -> None:
    answer = one(reply, Sampling(mode=mode, top_logprobs=top))
    assert isinstance(answer.text, str)
    assert answer.error is None or answer.error
    assert answer.definite or answer.error
    assert answer.prompt_tokens >= 0
    answer.text.encode()
    assert load(dump(answer)).text == answer.text


def reply(mode: str, text: str | None = "a b", **more: Any) -> dict[str, Any]:
    said = {"text": text} if mode == "plain" else {"message": {"content": text}}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    return {"choices": [{"finish_reason": "stop", **said, **more}], "usage": usage}


@each("mode", ["chat", "plain"])
def test_a_plain_answer(mode: Any) -> None:
    found = one({**reply(mode), "system_fingerprint": "fp"}, Sampling(mode=mode))
    assert found == Answer("a b", None, 3, 2, (), "stop", "fp")


def test_log_probabilities_of_a_chat() -> None:
    tops = [TOP, {"token": "c", "logprob": -0.1}]
    logprobs = {"content": [{"token": "a", "logprob": -0.5, "top_logprobs": tops}]}
    answer = one(reply("chat", logprobs=logprobs), Sampling(top_logprobs=2))
    assert answer.tokens == (Token("a", -0.5, (("c", -0.1), ("a", -0.5))),)
    assert answer.completion(0.0, None, cached=False).logprob == -0.5


def test_log_probabilities_of_a_text() -> None:
    logprobs = {
        "tokens": ["a", " b"],
        "token_logprobs": [-0.5, -1.0],
        "top_logprobs": [{"a": -0.5, "x": -0.9}, None],
    }
    answer = one(reply("plain", logprobs=logprobs), Sampling(mode="plain", top_logprobs=2))
    assert answer.tokens == (Token("a", -0.5, (("a", -0.5), ("x", -0.9))), Token(" b", -1.0))


@each("logprobs", [None, {}, {"content": []}, {"content": [{"token": "a"}]}])
def test_missing_log_probabilities_are_an_error(logprobs: Any) -> None:
    assert one(reply("chat", logprobs=logprobs), Sampling(top_logprobs=2)).error


def test_an_answer_without_tokens_has_no_log_probabilities_to_miss() -> None:
    answer = one(reply("plain", ""), Sampling(mode="plain", top_logprobs=2))
    assert (answer.error, answer.tokens, answer.definite) == (None, (), True)


def test_an_answer_that_may_be_partial_has_no_error_when_it_is_cut_off() -> None:
    cut = reply("plain", finish_reason="length")
    assert "cut off at max_tokens (5)" in str(one(cut, Sampling(mode="plain", max_tokens=5)).error)
    assert one(cut, Sampling(mode="plain", max_tokens=5, partial=True)).error is None


def test_a_refusal_is_an_error() -> None:
    odd = {"choices": [{"message": {"content": None, "refusal": "I can't"}}]}
    answer = one(odd, Sampling())
    assert answer.error == "the model refused: I can't"
    assert answer.definite


def test_halves_of_surrogate_pairs_never_reach_a_genome() -> None:
    assert one(reply("chat", "a\ud83d"), Sampling()).text == "a?"


def test_the_tokens_of_thoughts_and_of_what_follows_a_stop_text_are_left_out() -> None:
    texts = ["<think>", "hm;", "</think>", "\n", "fi", "ne", "; and", " more"]
    content = [{"token": text, "logprob": -1.0, "top_logprobs": [TOP]} for text in texts]
    odd = reply("chat", "".join(texts), logprobs={"content": content})
    answer = one(odd, Sampling(top_logprobs=1, stop=(";",)))
    assert answer.text == "fine"
    assert [token.text for token in answer.tokens] == ["fi", "ne"]
    assert answer.completion_tokens == 2  # as the server counts
    whole = one(odd, Sampling(top_logprobs=1))
    assert [token.text for token in whole.tokens] == texts[4:]


def test_a_plain_text_is_continued_as_it_is() -> None:
    odd = reply("plain", "<think>a; b")
    assert one(odd, Sampling(mode="plain", stop=(";",))).text == "<think>a"
    cut = reply("plain", "", finish_reason="length")
    assert not one(cut, Sampling(mode="plain")).starved


@each(
    ("text", "finish", "max_tokens", "most"),
    [("äx", "stop", 10, 4), ("äx", "length", 10, 10), ("a" * 30, "stop", 10, 10)],
)
def test_tokens_that_are_not_counted_are_estimated_from_above(
    text: str, finish: str, max_tokens: int, most: int
) -> None:
    odd = {**reply("chat", text, finish_reason=finish), "usage": None}
    [answer] = read(odd, Sampling(max_tokens=max_tokens), prompt_bound=7)
    assert (answer.prompt_tokens, answer.completion_tokens) == (7, most)
    assert not answer.counted


def test_an_error_in_place_of_an_answer_costs_nothing() -> None:
    [answer] = read({"error": "busy"}, Sampling(), prompt_bound=7)
    assert (answer.prompt_tokens, answer.completion_tokens, answer.counted) == (0, 0, True)


def test_words_of_a_server_are_never_stored_at_any_length() -> None:
    long = "x" * 10_000
    odd = {**reply("chat", finish_reason=long), "system_fingerprint": long}
    answer = one(odd, Sampling())
    assert len(answer.finish or "") == len(answer.fingerprint or "") == 200
    assert len(one({"error": {"message": long}}, Sampling()).error or "") < 400
