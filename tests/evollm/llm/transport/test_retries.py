"""Faults of an endpoint: retried, told, or fatal; each really happens on the wire."""

import email.utils
import json
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, EvollmError, Offspring, operator, run
from evollm.algorithms.generations import generational
from evollm.ledger import ledger
from evollm.llm.base import LanguageModel, ModelError, Sampling
from evollm.llm.client.contexts import too_long
from evollm.llm.client.endpoint import Endpoint
from evollm.llm.client.settings import Settings
from evollm.llm.transport.retries import retry_after
from evollm.search.flow import Flow
from tests.evollm.llm.support_books import Book
from tests.evollm.llm.support_faulty import Act, Script, Seen, Server, complain, echo, endpoint, say
from tests.support_each import each


@dataclass(frozen=True)
class Asking:
    """Makes children of whatever a model says."""

    model: LanguageModel
    max_tokens: int = 10

    def vary(self, parents: Sequence[Any], n: int, seed: int) -> Offspring[str]:
        [replies] = self.model.complete(
            ["a"], Sampling(seed=seed % 2**31, max_tokens=self.max_tokens), n=n
        )
        used = [reply.text for reply in replies if reply.error is None]
        return Offspring(used, rejected={"unusable completion": n - len(used)})


@operator
def fresh(parents: Any, rng: Any) -> str:
    return "x"


def asking(model: LanguageModel, **settings: Any) -> Flow:
    return generational(fresh, Asking(model, **settings), size=4, seed=1)


def paid(found: Any) -> list[float]:
    return [cost for (cost,) in found.record.rows("SELECT cost FROM calls")]


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


@each("fault", PASSING)
def test_what_may_pass_is_tried_again(fault: str) -> None:
    with Server(first(PASSING[fault], times=2)) as server:
        model = endpoint(server, timeout_s=0.5 if fault == "late" else 30)
        completion = model.complete(["a"], Sampling(seed=1))[0][0]
    assert (completion.text, completion.error) == ("a/1", None)
    assert len(server.seen) == 3


@each("fault", PASSING)
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
        good, bad = endpoint(server, retries=3).complete(["good", "bad"], Sampling(seed=1))
    assert good[0].text == "good/1"
    assert bad[0].text == ""
    assert bad[0].error == "status 500: it says no, after 3 attempts (retries=3)"
    assert [seen.prompt for seen in server.seen].count("bad") == 3


def test_being_told_to_slow_down_costs_no_attempt() -> None:
    with Server(first(complain(429, headers={"Retry-After": "0.01"}), times=6)) as server:
        assert endpoint(server, retries=1).complete(["a"], Sampling(seed=1))[0][0].text == "a/1"


def test_all_requests_wait_when_one_is_told_to_slow_down() -> None:
    pause = complain(429, headers={"Retry-After": "0.4"})
    with Server(first(pause)) as server:
        model = endpoint(server, concurrency=1)
        groups = model.complete([f"{i}" for i in range(5)], Sampling(seed=1))
    assert [group[0].error for group in groups] == [None] * 5
    gaps = [later.at - earlier.at for earlier, later in pairwise(server.seen)]
    assert gaps[0] >= 0.39


def test_a_wait_beyond_patience_ends_the_request() -> None:
    with Server(first(complain(429, headers={"Retry-After": "3600"}))) as server:
        with pytest.raises(ModelError, match="asks to wait 3600 s, more than max_wait_s=5"):
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
    assert retry_after({"retry-after": "inf"}) == float("inf")
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


@each("fault", FATAL)
def test_what_cannot_pass_is_said_at_once(fault: str) -> None:
    act, said = FATAL[fault]
    with Server(lambda seen: act) as server:
        with pytest.raises(ModelError, match=said) as raised:
            endpoint(server, concurrency=1).complete([f"{i}" for i in range(20)])
        assert len(server.seen) <= 10  # those that were sent before the first reply was read
    sentence = str(raised.value)
    assert "m" in sentence
    assert server.url in sentence
    assert "\n" not in sentence


def test_a_server_that_repeats_the_key_does_not_make_us_tell_it() -> None:
    with Server(lambda seen: complain(400, "bad key sk-secret here")) as server:
        with pytest.raises(ModelError, match=r"bad key \*\*\* here") as raised:
            endpoint(server).complete(["a"])
        assert raised.value.__cause__ is None
        assert raised.value.__context__ is None


@each("code", ["context_length_exceeded", "content_filter"])
def test_a_prompt_that_does_not_fit_fails_alone(code: str) -> None:
    def script(seen: Seen) -> Act:
        fits = seen.prompt != "long"
        return echo(seen) if fits else complain(400, "too many tokens", code=code)

    with Server(script) as server:
        groups = endpoint(server).complete(["short", "long"], Sampling(seed=1))
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
    "an odd choice": (lambda seen: Act({"choices": ["x"]}), "malformed"),
}


@each("fault", USELESS)
def test_useless_answers_carry_an_error_and_are_not_asked_again(fault: str) -> None:
    script, said = USELESS[fault]
    with Server(script) as server:
        completion = endpoint(server).complete(["a"])[0][0]
        assert len(server.seen) == 1
    assert completion.error is not None
    assert said in completion.error
    assert completion.text == ("half" if fault == "truncated" else "")


@each(
    "usage",
    [
        {},
        {"prompt_tokens": -1, "completion_tokens": True},
        {"prompt_tokens": 2**70, "completion_tokens": 10**30},
        {"prompt_tokens": "5", "completion_tokens": 0.5},
    ],
)
def test_usage_that_is_missing_or_nonsense_is_estimated_from_above_and_said_once(
    usage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with Server(lambda seen: say("äx", seen, usage=usage)) as server:
        model = endpoint(server, price=(1.0, 1.0))
        with caplog.at_level(logging.WARNING, "evollm"):
            [[first], [second]] = model.complete(["a", "b"])
    assert (first.prompt_tokens, first.completion_tokens) == (1 + 16 + 256, 4)
    assert first.error is None
    assert first.cost == second.cost == pytest.approx(277 / 1e6)
    assert model.usage.cost == pytest.approx(2 * 277 / 1e6)
    [said] = [record.getMessage() for record in caplog.records if record.name == "evollm"]
    assert "estimated from above" in said


def test_one_answer_without_usage_does_not_end_a_run_with_a_money_budget(tmp_path: Path) -> None:
    def script(seen: Seen) -> Act:
        return say(f"{seen.number}", seen, usage={} if seen.number == 1 else None)

    with Server(script) as server:
        model = endpoint(server, price=(1.0, 1.0), concurrency=1)
        found = run(asking(model), len, budget=Budget(money=1.0, generations=3))
    assert found.stopped == "the budget of 3 generations is spent"
    assert found.usage.money == pytest.approx(sum(paid(found)))


def test_a_reasoning_model_is_asked_its_way(caplog: pytest.LogCaptureFixture) -> None:
    """It wants max_completion_tokens, and no temperature, seed or stop; each is learnt once."""

    def script(seen: Seen) -> Act:
        if "max_tokens" in seen.body:
            message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            return complain(400, message, param="max_tokens")
        if "temperature" in seen.body:
            message = "'temperature' does not support 0.2. Only the default (1) value is supported."
            return complain(400, message, param="temperature", code="unsupported_value")
        if "seed" in seen.body:
            return complain(400, "Unknown parameter: 'seed'.", param="seed")
        if "stop" in seen.body:
            message = "Unsupported parameter: 'stop' is not supported with this model."
            return complain(400, message, param="stop", code="unsupported_parameter")
        return say("fine\nand more", seen, finish="length")

    with Server(script) as server:
        model = endpoint(server, concurrency=1)
        with caplog.at_level(logging.INFO, "evollm"):
            groups = model.complete(
                ["a", "b"], Sampling(temperature=0.2, max_tokens=9, seed=1, stop=["ly", "\n"])
            )
        assert len(server.seen) == 6
        endpoint(server, concurrency=2).complete(["c"], Sampling(seed=1, stop=["\n"]))
        assert len(server.seen) == 7  # remembered for the endpoint and its model
    assert [(group[0].text, group[0].error) for group in groups] == [("fine", None)] * 2
    assert server.seen[-2].body["max_completion_tokens"] == 9
    assert len([record for record in caplog.records if record.name == "evollm"]) == 4


REFUSALS: dict[str, Callable[[str], Act]] = {
    "FastAPI": lambda name: Act(
        {"detail": [{"loc": ["body", name], "msg": "Extra inputs are not permitted"}]}, 422
    ),
    "nested": lambda name: Act(
        {
            "object": "error",
            "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", name]}]},
        },
        422,
    ),
    "a list": lambda name: Act(
        [{"error": {"code": 400, "message": f'Unknown name "{name}": Cannot find field.'}}], 400
    ),
    "a message": lambda name: Act({"message": f"property '{name}' is unsupported"}, 400),
    "a text": lambda name: Act(f"unrecognized request argument: {name}".encode(), 400),
    "passed on": lambda name: complain(
        400, "Provider error", metadata={"raw": f'{{"message": "{name}: not supported"}}'}
    ),
    "with status 200": lambda name: Act(
        {"error": {"code": 400, "message": f"`{name}` is not supported"}}
    ),
}


@each("name", ["stop", "seed", "temperature"])
@each("form", REFUSALS)
def test_a_refused_option_is_left_out_in_whatever_form_it_is_refused(form: str, name: str) -> None:
    def script(seen: Seen) -> Act:
        if name not in seen.body:
            return say("fine; and more", seen)
        refusal = REFUSALS[form](name)
        if form == "nested" and name == "temperature":  # whose value may be meant: it must be said
            return Act({**refusal.body, "reason": "unexpected"}, refusal.status)
        return refusal

    with Server(script) as server:
        completion = endpoint(server).complete(["a"], Sampling(seed=1, stop=[";"]))[0][0]
    assert (completion.text, completion.error) == ("fine", None)
    assert [name in seen.body for seen in server.seen] == [True, False]
    assert {"stop", "seed", "temperature"} - {name} <= set(server.seen[1].body)


@each(
    "act",
    [
        complain(400, "messages: stop", param="messages"),
        complain(400, "please stop asking"),
        Act({"detail": [{"loc": ["body", "messages", 0], "msg": "not supported: stop"}]}, 422),
    ],
)
def test_an_option_that_is_not_meant_is_not_left_out(act: Act) -> None:
    with Server(lambda seen: act) as server:
        with pytest.raises(ModelError, match="stop"):
            endpoint(server).complete(["a"], Sampling(stop=[";"]))
        assert len(server.seen) == 1


def test_a_temperature_that_is_out_of_range_is_not_left_out() -> None:
    act = complain(400, "temperature must be at most 2", param="temperature")
    with Server(lambda seen: act) as server:
        with pytest.raises(ModelError, match="at most 2"):
            endpoint(server).complete(["a"], Sampling(temperature=3.0))
        assert len(server.seen) == 1


def test_an_option_that_cannot_be_left_out_ends_in_an_error() -> None:
    act = complain(400, "Use 'max_completion_tokens', max_tokens is not supported")
    with (
        Server(lambda seen: act) as server,
        pytest.raises(ModelError, match="max_completion_tokens"),
    ):
        endpoint(server, options={"max_tokens": 5}).complete(["a"])


ANSWERS_OF_THINKERS: dict[str, dict[str, Any]] = {
    "in tags": {"content": "<think>\nhm; so\n</think>\n\nfine; and more"},
    "in tags twice": {"content": "<think>a</think><Reasoning>b</Reasoning> fine"},
    "with the opening tag in the template": {"content": "hm; so</think>\n\nfine"},
    "apart": {"content": "fine", "reasoning_content": "hm"},
    "apart under another name": {"content": "fine", "reasoning": "hm"},
    "in parts": {
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
            {"type": "text", "text": "fi"},
            {"type": "text", "text": "ne"},
        ]
    },
    "not at all": {"content": [{"type": "text", "text": "fine"}]},
}


@each("form", ANSWERS_OF_THINKERS)
def test_the_answer_is_read_whatever_was_thought_before(form: str) -> None:
    message = {"role": "assistant", **ANSWERS_OF_THINKERS[form]}
    with Server(lambda seen: say(None, seen, message=message)) as server:
        completion = endpoint(server).complete(["a"], Sampling(stop=[";"]))[0][0]
    assert (completion.text, completion.error) == ("fine", None)


CUT_OFF: dict[str, Callable[[Seen], Act]] = {
    "nothing said": lambda seen: say("", seen, finish="length"),
    "null": lambda seen: say(None, seen, finish="length"),
    "in tags": lambda seen: say("<think>hm", seen, finish="length"),
    "in tags, at a stop text": lambda seen: say("<think>hm", seen, finish="stop"),
    "apart": lambda seen: say(
        None,
        seen,
        finish="length",
        message={"role": "assistant", "content": "", "reasoning_content": "hm"},
    ),
}


@each("form", CUT_OFF)
def test_an_answer_cut_off_while_thinking_is_asked_once_more_with_twice_the_room(form: str) -> None:
    def script(seen: Seen) -> Act:
        return CUT_OFF[form](seen) if seen.body["max_tokens"] < 20 else say("fine", seen)

    with Server(script) as server:
        model = endpoint(server)
        completion = model.complete(["a"], Sampling(max_tokens=10, stop=[";"]))[0][0]
        assert (completion.text, completion.error) == ("fine", None)
        assert [seen.body["max_tokens"] for seen in server.seen] == [10, 20]
        assert ("stop" in server.seen[1].body) == ("stop" not in form)  # it had ended the thoughts
        cut = model.complete(["b"], Sampling(max_tokens=5))[0][0]
        assert [seen.body["max_tokens"] for seen in server.seen[2:]] == [5, 10]
    assert cut.text == ""
    assert "at max_tokens (10): the model used all tokens for thinking" in str(cut.error)


def test_more_room_is_asked_for_within_the_budget_only() -> None:
    def script(seen: Seen) -> Act:
        return say("", seen, finish="length") if seen.number else say("fine", seen)

    with Server(script) as server:
        model = endpoint(server, concurrency=1)
        token = ledger.set(Book(calls=2))
        try:
            good, cut = model.complete(["a", "b"])
        finally:
            ledger.reset(token)
    assert len(server.seen) == 2
    assert (good[0].text, cut[0].text) == ("fine", "")
    assert cut[0].error is not None


def test_more_room_than_the_endpoint_has_leaves_the_first_answer() -> None:
    def script(seen: Seen) -> Act:
        roomy = seen.body["max_tokens"] > 10
        return complain(400, "max_tokens is too large") if roomy else CUT_OFF["in tags"](seen)

    with Server(script) as server:
        completion = endpoint(server).complete(["a"], Sampling(max_tokens=10))[0][0]
    assert "at max_tokens (10)" in str(completion.error)


def test_a_model_that_only_thinks_is_named_as_the_cause() -> None:
    with Server(CUT_OFF["apart"]) as server, pytest.raises(EvollmError) as raised:
        run(asking(endpoint(server)), len, budget=Budget(generations=3))
    assert "made no valid child in 3 rounds: the cause of all" in str(raised.value)
    assert "used all tokens for thinking'; raise max_tokens" in str(raised.value)


def test_a_silent_thinker_is_not_asked_again() -> None:
    message = {"role": "assistant", "content": None, "reasoning_content": "hm"}
    with Server(lambda seen: say(None, seen, message=message)) as server:
        assert endpoint(server).complete(["a"])[0][0].error == (
            "the model thought, but gave no answer"
        )
        assert len(server.seen) == 1


def test_an_answer_far_beyond_max_tokens_is_cut_and_said() -> None:
    with Server(lambda seen: say("word " * 100_000, seen)) as server:
        model = endpoint(server)
        long = model.complete(["a"], Sampling(max_tokens=10))[0][0]
        ended = model.complete(["a"], Sampling(max_tokens=10, stop=[" w"]))[0][0]
    assert len(long.text) == 320
    assert "is far beyond max_tokens (10)" in str(long.error)
    assert (ended.text, ended.error) == ("word", None)


@each("status", [200, 500])
def test_a_key_that_an_error_repeats_reaches_no_record(status: int, tmp_path: Path) -> None:
    body = json.dumps({"error": {"message": "overloaded, sk-secret"}}).replace("-", "\\u002d")
    with Server(lambda seen: Act(body.encode(), status)) as server:
        model = endpoint(server, retries=1, cache=tmp_path / "c")
        with pytest.raises(EvollmError, match=r"overloaded, \*\*\*"):
            run(asking(model), len, budget=Budget(generations=3), path=tmp_path / "run")
    for file in (tmp_path / "run").iterdir():
        assert b"sk-secret" not in file.read_bytes()


def test_a_placeholder_for_a_key_is_no_secret() -> None:
    with Server(lambda seen: say("none of them", seen)) as server:
        model = Endpoint("m", base_url=server.url, api_key="none", settings=Settings(cache=None))
        assert model.complete(["a"])[0][0].text == "none of them"


def test_a_wait_of_a_day_is_refused_also_for_those_who_wait_in_line() -> None:
    """More asks than may be under way at once, from several threads: none hangs."""
    with Server(lambda seen: complain(429, "slow", headers={"Retry-After": "86400"})) as server:
        model = endpoint(server, concurrency=2)

        def work(thread: int) -> str:
            with pytest.raises(ModelError) as raised:
                model.complete([f"{thread}-{i}" for i in range(8)])
            return str(raised.value)

        begun = time.monotonic()
        with ThreadPoolExecutor(3) as pool:
            sentences = list(pool.map(work, range(3)))
    assert time.monotonic() - begun < 20
    assert all("asks to wait 86400 s, more than max_wait_s=300" in said for said in sentences)


def test_a_wait_of_a_day_ends_the_run_also_after_good_answers() -> None:
    day = complain(429, "the daily quota is used up", headers={"Retry-After": "86400"})
    with Server(lambda seen: echo(seen) if seen.number < 3 else day) as server:
        with pytest.raises(ModelError, match="daily quota is used up"):
            endpoint(server, concurrency=1).complete([f"{i}" for i in range(30)])
        assert len(server.seen) < 15


def test_a_permanent_429_ends_within_the_bound_and_is_the_cause() -> None:
    with Server(lambda seen: complain(429, "too many requests")) as server:
        begun = time.monotonic()
        with pytest.raises(ModelError) as raised:
            endpoint(server, concurrency=2, max_wait_s=0.5).complete([f"{i}" for i in range(20)])
    assert time.monotonic() - begun < 5
    assert "status 429: too many requests" in str(raised.value)
    assert "another wait would exceed max_wait_s=0.5" in str(raised.value)
    assert "requests_per_minute" in str(raised.value)
    assert "whether the server runs" not in str(raised.value)


def test_one_prompt_that_is_always_turned_away_fails_alone() -> None:
    def script(seen: Seen) -> Act:
        return complain(429) if seen.prompt == "bad" else echo(seen)

    with Server(script) as server:
        bad, good = endpoint(server, max_wait_s=0.3).complete(["bad", "good"], Sampling(seed=1))
    assert good[0].text == "good/1"
    assert bad[0].error is None or "max_wait_s" in bad[0].error


@each(
    "act",
    [
        Act({"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
        complain(404, "not found"),
    ],
)
def test_a_missing_version_in_the_address_is_named(act: Act) -> None:
    with Server(lambda seen: act) as server:
        for mode in ("chat", "plain"):
            model = Endpoint(
                "m", base_url=server.url.removesuffix("/v1"), settings=Settings(cache=None)
            )
            with pytest.raises(ModelError, match="/v1"):
                model.complete(["a"], Sampling(mode=mode))  # type: ignore[arg-type]
