"""Capabilities: found out once, believed for a day, and missed before the real calls."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evollm.ledger import ledger
from evollm.llm.base import ModelError, Sampling
from evollm.llm.client.probes import ODD_TEXT, PROMPT
from evollm.llm.client.settings import CAPABILITIES
from tests.evollm.llm.support_books import Book
from tests.evollm.llm.support_faulty import Act, Seen, Server, complain, echo, endpoint, say
from tests.support_each import each

SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
TOP = [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -2.5}]
CONTENT = {"content": [{"token": "a", "logprob": -0.1, "top_logprobs": TOP}]}


def able(seen: Seen) -> Act:
    """Do all that is asked, as a capable server does."""
    body = seen.body
    schema = body.get("json_schema") or (
        body.get("response_format", {}).get("json_schema", {}).get("schema")
    )
    text = "hello"
    if schema:
        text = '{"zebra": 7}' if "zebra" in schema["properties"] else '{"x": 1}'
    if "grammar" in body:
        text = ODD_TEXT if ODD_TEXT in body["grammar"] else "42"
    logprobs = CONTENT if body.get("logprobs") else None
    return say(text, seen, logprobs=logprobs)


NEEDS: dict[str, Mapping[str, Any]] = {
    "schema": {"schema": SCHEMA},
    "grammar": {"grammar": "root ::= [0-9]+"},
    "logprobs": {"top_logprobs": 2},
}


@each("mode", ["chat", "plain"])
@each("need", NEEDS)
def test_a_capability_is_probed_once(need: str, mode: str, tmp_path: Path) -> None:
    with Server(able) as server:
        model = endpoint(server, cache=tmp_path / "c")
        for seed in (1, 2):
            completion = model.complete(["a"], Sampling(mode=mode, seed=seed, **NEEDS[need]))[0][0]  # type: ignore[arg-type]
            assert completion.error is None
        prompts = [seen.prompt for seen in server.seen]
        assert prompts == [PROMPT] * (1 if mode == "chat" else 2) + ["a", "a"]
        fresh = endpoint(server, cache=tmp_path / "c", concurrency=2)
        fresh.complete(["b"], Sampling(mode=mode, **NEEDS[need]))  # type: ignore[arg-type]
        assert [seen.prompt for seen in server.seen][len(prompts) :] == ["b"]


def test_a_finding_is_believed_for_a_day(tmp_path: Path) -> None:
    with Server(able) as server:
        endpoint(server, cache=tmp_path / "c").complete(["a"], Sampling(top_logprobs=2))
        database = sqlite3.connect(tmp_path / "c")
        with database:
            database.execute("UPDATE abilities SET at = at - 24 * 3600")
        database.close()
        endpoint(server, cache=tmp_path / "c", concurrency=2).complete(
            ["b"], Sampling(top_logprobs=2)
        )
    assert [seen.prompt for seen in server.seen] == [PROMPT, "a", PROMPT, "b"]


LACKS = {
    "logprobs": "does not return log-probabilities",
    "grammar": "does not enforce a grammar",
}


@each("need", LACKS)
@each("status", [200, 400, 501])
def test_a_missing_capability_is_said_before_the_real_calls(need: str, status: int) -> None:
    def script(seen: Seen) -> Act:
        return echo(seen) if status == 200 else complain(status)

    with Server(script) as server:
        model = endpoint(server)
        for _ in range(2):
            with pytest.raises(ModelError, match=LACKS[need]):
                model.complete(["a"], Sampling(**NEEDS[need]))
        assert [seen.prompt for seen in server.seen] == [PROMPT]


def test_plain_mode_is_missed_by_its_missing_address() -> None:
    with (
        Server(lambda seen: complain(404)) as server,
        pytest.raises(ModelError, match="does not continue plain texts; use mode='chat'"),
    ):
        endpoint(server).complete(["a"], Sampling(mode="plain"))


def test_a_refused_key_is_no_missing_capability() -> None:
    with (
        Server(lambda seen: complain(401)) as server,
        pytest.raises(ModelError, match="OPENAI_API_KEY"),
    ):
        endpoint(server).complete(["a"], Sampling(top_logprobs=1))


def test_a_server_that_is_down_is_no_missing_capability() -> None:
    with (
        Server(lambda seen: complain(500)) as server,
        pytest.raises(ModelError, match="does not answer"),
    ):
        endpoint(server, retries=2).complete(["a"], Sampling(top_logprobs=1))


@each("status", [200, 400])
def test_a_schema_that_the_server_ignores_is_checked_here(status: int) -> None:
    def script(seen: Seen) -> Act:
        if "response_format" in seen.body and status != 200:
            return complain(status)
        return say('Sure:\n```json\n{"x": 3}\n```' if seen.prompt != PROMPT else "Hello!", seen)

    with Server(script) as server:
        completion = endpoint(server).complete(["a"], Sampling(schema=SCHEMA))[0][0]
    assert completion.error is None
    assert "response_format" in server.seen[0].body
    assert "response_format" not in server.seen[1].body


def test_a_thinking_model_gets_room_for_its_probe() -> None:
    def script(seen: Seen) -> Act:
        if seen.body["max_tokens"] < 100:
            return say("", seen, finish="length")
        return able(seen)

    with Server(script) as server:
        completion = endpoint(server).complete(["a"], Sampling(schema=SCHEMA))[0][0]
    assert completion.error is None
    assert [seen.prompt for seen in server.seen] == [PROMPT, PROMPT, "a"]
    assert "response_format" in server.seen[2].body


def test_what_is_known_is_not_probed() -> None:
    with Server(able) as server:
        model = endpoint(server, known=CAPABILITIES)
        model.complete(["a"], Sampling(mode="plain", grammar="root ::= [0-9]+", top_logprobs=1))
        assert [seen.prompt for seen in server.seen] == ["a"]


def test_probes_are_calls_of_the_run() -> None:
    with Server(able) as server:
        book = Book()
        token = ledger.set(book)
        try:
            endpoint(server).complete(["a"], Sampling(top_logprobs=2))
        finally:
            ledger.reset(token)
    assert [call.request["prompt"] for call in book.calls] == [PROMPT, "a"]
    assert book.held == [0, 0, 0]


def test_an_answer_from_the_cache_needs_no_probe(tmp_path: Path) -> None:
    with Server(able) as server:
        model = endpoint(server, cache=tmp_path / "c", known=CAPABILITIES)
        model.complete(["a"], Sampling(top_logprobs=2))
        fresh = endpoint(server, cache=tmp_path / "c")
        tokens = fresh.complete(["a"], Sampling(top_logprobs=2))[0][0].tokens
        assert len(server.seen) == 1
    assert tokens[0].top == (("a", -0.1), ("b", -2.5))
