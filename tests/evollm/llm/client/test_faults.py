"""Faults of an endpoint: retried, told, or fatal; each really happens on the wire."""

import email.utils
import logging
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from evollm.llm.base import ModelError
from evollm.llm.client.contexts import too_long
from evollm.llm.client.retries import retry_after
from tests.evollm.llm.support_faulty import Act, Script, Seen, Server, complain, echo, endpoint, say


def first(act: Act, times: int = 1) -> Script:
    """Misbehave at the first requests, then echo."""
    return lambda seen: act if seen.number < times else echo(seen)


PASSING = {
    "500": complain(500),
    "503": complain(503, headers={"Retry-After": "0"}),
    "408": complain(408),
    "409": complain(409),
    "429": complain(429),
    "429 with seconds": complain(429, headers={"Retry-After": "0.05"}),
    "429 with milliseconds": complain(429, headers={"retry-after-ms": "50"}),
    "dropped before the answer": Act(drop="before"),
    "dropped in mid-body": Act({"choices": ["x" * 5000]}, drop="middle"),
    "not JSON": Act(b"<html>busy</html>"),
    "half of JSON": Act(b'{"choices": ['),
    "JSON, but no object": Act(b"[1, 2]"),
    "nested without end": Act(b"[" * 100_000),
    "late": Act({}, delay_s=1.0),
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_may_pass_is_tried_again(fault: str) -> None:
    with Server(first(PASSING[fault], times=2)) as server:
        model = endpoint(server, timeout_s=0.5 if fault == "late" else 30)
        completion = model.complete(["a"], seed=1)[0][0]
    assert (completion.text, completion.error) == ("a/1", None)
    assert len(server.seen) == 3


@pytest.mark.parametrize("fault", PASSING)
def test_an_endpoint_that_never_answers_is_named(fault: str) -> None:
    with Server(lambda seen: PASSING[fault]) as server:
        model = endpoint(server, retries=2, timeout_s=0.2, max_wait_s=0.3)
        with pytest.raises(ModelError, match="does not answer") as raised:
            model.complete(["a"])
    assert server.url in str(raised.value)
    assert "attempts" in str(raised.value)


def test_nobody_at_the_address() -> None:
    with Server() as server:
        model = endpoint(server, retries=2)
    with pytest.raises(ModelError, match="after 2 attempts"):
        model.complete(["a"])


def test_some_prompts_may_fail() -> None:
    def script(seen: Seen) -> Act:
        return complain(500) if seen.prompt == "bad" else echo(seen)

    with Server(script) as server:
        good, bad = endpoint(server, retries=3).complete(["good", "bad"], seed=1)
    assert good[0].text == "good/1"
    assert bad[0].text == ""
    assert bad[0].error == "status 500: it says no, after 3 attempts"
    assert [seen.prompt for seen in server.seen].count("bad") == 3


def test_being_told_to_slow_down_costs_no_attempt() -> None:
    with Server(first(complain(429, headers={"Retry-After": "0.01"}), times=6)) as server:
        assert endpoint(server, retries=1).complete(["a"], seed=1)[0][0].text == "a/1"


def test_all_requests_wait_when_one_is_told_to_slow_down() -> None:
    pause = complain(429, headers={"Retry-After": "0.4"})
    with Server(first(pause)) as server:
        model = endpoint(server, concurrency=1)
        groups = model.complete([f"{i}" for i in range(5)], seed=1)
    assert [group[0].error for group in groups] == [None] * 5
    gaps = [later.at - earlier.at for earlier, later in pairwise(server.seen)]
    assert gaps[0] >= 0.39


def test_a_wait_beyond_patience_ends_the_request() -> None:
    with Server(first(complain(429, headers={"Retry-After": "3600"}))) as server:
        with pytest.raises(ModelError, match="after 1 attempt;"):
            endpoint(server, max_wait_s=5).complete(["a"])
        assert len(server.seen) == 1


def test_the_form_of_retry_after() -> None:
    soon = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert retry_after({"retry-after": "7"}) == 7
    assert retry_after({"retry-after-ms": "250", "retry-after": "7"}) == 0.25
    assert 90 < (retry_after({"retry-after": soon}) or 0) <= 100
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"retry-after": "-3"}) == 0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_a_date_in_retry_after_is_kept() -> None:
    def script(seen: Seen) -> Act:
        date = email.utils.formatdate(time.time() + 2, usegmt=True)
        return complain(429, headers={"Retry-After": date}) if seen.number == 0 else echo(seen)

    with Server(script) as server:
        endpoint(server).complete(["a"])
    assert server.seen[1].at - server.seen[0].at > 0.9


FATAL: dict[str, tuple[Act, str]] = {
    "401": (complain(401), "set OPENAI_API_KEY"),
    "403": (complain(403), "another key"),
    "404": (complain(404), "check the model's name"),
    "400": (complain(400, "top_k is too small", param="top_k"), "'top_k'.*top_k is too small"),
    "422": (complain(422), "status 422"),
    "501": (complain(501), "status 501"),
    "quota": (complain(429, code="insufficient_quota"), "no quota"),
    "quota by type": (complain(429, type="insufficient_quota"), "no quota"),
}


@pytest.mark.parametrize("fault", FATAL)
def test_what_cannot_pass_is_said_at_once(fault: str) -> None:
    act, said = FATAL[fault]
    with Server(lambda seen: act) as server:
        with pytest.raises(ModelError, match=said) as raised:
            endpoint(server, concurrency=1).complete(["a", "b", "c"])
        assert len(server.seen) <= 2
    sentence = str(raised.value)
    assert "m" in sentence
    assert server.url in sentence
    assert "\n" not in sentence


def test_a_server_that_repeats_the_key_does_not_make_us_tell_it() -> None:
    with Server(lambda seen: complain(400, "bad key sk-secret here")) as server:
        with pytest.raises(ModelError, match=r"bad key \*\*\* here") as raised:
            endpoint(server).complete(["a"])
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__


@pytest.mark.parametrize("code", ["context_length_exceeded", "content_filter"])
def test_a_prompt_that_does_not_fit_fails_alone(code: str) -> None:
    def script(seen: Seen) -> Act:
        fits = seen.prompt != "long"
        return echo(seen) if fits else complain(400, "too many tokens", code=code)

    with Server(script) as server:
        groups = endpoint(server).complete(["short", "long"], seed=1)
    assert groups[0][0].text == "short/1"
    error = str(groups[1][0].error)
    assert error.startswith("the endpoint does not take this prompt")
    assert error.endswith(": too many tokens")
    assert too_long(error) == (code == "context_length_exceeded")


def test_llama_cpp_says_that_a_prompt_is_too_long() -> None:
    act = complain(400, "the request exceeds the context", type="exceed_context_size_error")
    with Server(lambda seen: act) as server:
        error = endpoint(server).complete(["long"])[0][0].error
    assert error is not None
    assert "exceeds the context" in error


USELESS: dict[str, tuple[Callable[[Seen], Act], str]] = {
    "truncated": (lambda seen: say("half", seen, finish="length"), "cut off at max_tokens"),
    "filtered": (lambda seen: say(None, seen, finish="content_filter"), "content filter"),
    "no choices": (lambda seen: Act({"choices": []}), "no choices"),
    "an error with status 200": (
        lambda seen: Act({"error": {"message": "overloaded"}}),
        "overloaded",
    ),
    "no message": (lambda seen: Act({"choices": [{}]}), "lacks a field"),
    "no text": (lambda seen: say(None, seen), "no text"),
    "an odd choice": (lambda seen: Act({"choices": ["x"]}), "odd form"),
}


@pytest.mark.parametrize("fault", USELESS)
def test_useless_answers_carry_an_error_and_are_not_asked_again(fault: str) -> None:
    script, said = USELESS[fault]
    with Server(script) as server:
        completion = endpoint(server).complete(["a"])[0][0]
        assert len(server.seen) == 1
    assert completion.error is not None
    assert said in completion.error
    assert completion.text == ("half" if fault == "truncated" else "")


def test_missing_usage_counts_as_nothing_and_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Server(lambda seen: say("x", seen, usage={})) as server:
        model = endpoint(server, price=(1.0, 1.0))
        with caplog.at_level(logging.WARNING, "evollm"):
            groups = model.complete(["a", "b"])
    assert [(g[0].prompt_tokens, g[0].error, g[0].cost) for g in groups] == [(0, None, None)] * 2
    assert len([record for record in caplog.records if record.name == "evollm"]) == 1
    assert model.usage.cost is None


def test_a_reasoning_model_is_asked_its_way(caplog: pytest.LogCaptureFixture) -> None:
    """It wants max_completion_tokens, no temperature and no seed; each is learnt once."""

    def script(seen: Seen) -> Act:
        if "max_tokens" in seen.body:
            message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            return complain(400, message, param="max_tokens")
        if "temperature" in seen.body:
            message = "'temperature' does not support 0.2. Only the default (1) value is supported."
            return complain(400, message, param="temperature", code="unsupported_value")
        if "seed" in seen.body:
            return complain(400, "Unknown parameter: 'seed'.", param="seed")
        return say("fine", seen)

    with Server(script) as server:
        model = endpoint(server, concurrency=1)
        with caplog.at_level(logging.INFO, "evollm"):
            groups = model.complete(["a", "b"], temperature=0.2, max_tokens=9, seed=1)
    assert [group[0].text for group in groups] == ["fine", "fine"]
    assert len(server.seen) == 5
    assert server.seen[-1].body["max_completion_tokens"] == 9
    assert len([record for record in caplog.records if record.name == "evollm"]) == 3


def test_a_temperature_that_is_out_of_range_is_not_left_out() -> None:
    act = complain(400, "temperature must be at most 2", param="temperature")
    with Server(lambda seen: act) as server:
        with pytest.raises(ModelError, match="at most 2"):
            endpoint(server).complete(["a"], temperature=3.0)
        assert len(server.seen) == 1


def test_an_option_that_cannot_be_left_out_ends_in_an_error() -> None:
    act = complain(400, "Use 'max_completion_tokens', max_tokens is not supported")
    with (
        Server(lambda seen: act) as server,
        pytest.raises(ModelError, match="max_completion_tokens"),
    ):
        endpoint(server, options={"max_tokens": 5}).complete(["a"])
