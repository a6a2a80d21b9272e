"""Answers on disk: asked once, found again, shared, refused when damaged."""

import multiprocessing
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.errors import EvollmError
from evollm.llm.base import ModelError, Sampling, Token
from evollm.llm.client.answers import Answer, dump, load
from evollm.llm.client.cache import VERSION, Cache, open_cache
from evollm.llm.client.endpoint import Endpoint
from evollm.llm.client.requests import Ask
from evollm.llm.client.settings import Settings
from evollm.types import JSON
from tests.evollm.llm.support_faulty import Act, Seen, Server, complain, echo, endpoint, say
from tests.support_each import each

FLOATS = st.floats(allow_nan=False)
TOKENS = st.builds(
    Token, st.text(), FLOATS, st.lists(st.tuples(st.text(), FLOATS), max_size=3).map(tuple)
)
ANSWERS = st.builds(
    Answer,
    text=st.text(),
    error=st.none() | st.text(),
    prompt_tokens=st.integers(0, 10**6),
    completion_tokens=st.integers(0, 10**6),
    tokens=st.lists(TOKENS, max_size=3).map(tuple),
    finish=st.none() | st.text(),
    broken=st.booleans(),
)


@given(ANSWERS)
def test_an_answer_survives_being_kept(answer: Answer) -> None:
    assert load(dump(answer)) == answer


def test_a_rerun_asks_nothing(tmp_path: Path) -> None:
    with Server() as server:
        model = endpoint(server, cache=tmp_path / "c")
        first = model.complete(["a", "b"], Sampling(seed=1), n=3)
        again = endpoint(server, cache=tmp_path / "c").complete(["a", "b"], Sampling(seed=1), n=3)
        assert len(server.seen) == 6
    assert [[c.text for c in g] for g in first] == [[c.text for c in g] for g in again]
    assert all(c.cached and c.cost == 0 and c.prompt_tokens == 5 for g in again for c in g)
    assert not any(c.cached for g in first for c in g)


def test_a_rerun_needs_neither_server_nor_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as server:
        endpoint(server, cache=tmp_path / "c", identity="x").complete(["a"], Sampling(seed=1))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    settings = Settings(cache=tmp_path / "c", identity="x")
    gone = Endpoint("m", base_url="https://nowhere.invalid/v1", settings=settings)
    assert gone.complete(["a"], Sampling(seed=1))[0][0].text == "a/1"
    with pytest.raises(ModelError):
        gone.complete(["a"], Sampling(seed=2))


def test_samples_are_entries_of_their_own(tmp_path: Path) -> None:
    def count(seen: Seen) -> Act:
        return say(f"answer {seen.number}", seen)

    with Server(count) as server:
        model = endpoint(server, cache=tmp_path / "c", concurrency=1)
        few = model.complete(["a"], n=2)[0]
        more = model.complete(["a"], n=4)[0]
        assert len(server.seen) == 4
    assert [c.text for c in more] == [f"answer {i}" for i in range(4)]
    assert [c.text for c in few] == [c.text for c in more[:2]]


@each(
    "other",
    [
        {"temperature": 0.5},
        {"max_tokens": 7},
        {"seed": 2},
        {"stop": ["x"]},
        {"mode": "plain"},
    ],
)
def test_any_other_option_is_another_entry(tmp_path: Path, other: Mapping[str, JSON]) -> None:
    with Server() as server:
        model = endpoint(server, cache=tmp_path / "c", known=frozenset({"plain"}))
        model.complete(["a"])
        assert not model.complete(["a"], Sampling(**other))[0][0].cached


@given(st.text(), st.text(), st.integers(0, 3), st.integers(0, 3))
def test_keys_differ_unless_requests_do_not(a: str, b: str, i: int, j: int) -> None:
    def key(prompt: str, sample: int) -> str:
        return Ask("m", "e", prompt, Sampling(), sample).key

    assert (key(a, i) == key(b, j)) == ((a, i) == (b, j))


def test_a_key_stays_what_it_is() -> None:
    """A change here throws away every cache that users have."""
    ask = Ask("m", "http://e/v1", "Grüße", Sampling(seed=3, stop=("\n",)), sample=1)
    assert ask.key == "63c7e83b5aa4f2a118d0ca8cddca536be691cfb21a89e2c6c289c1e3b26a08c0"
    messages = [{"role": "user", "content": "a"}]
    sampling = Sampling(0.5, 9, top_logprobs=2, grammar="root ::= [0-9]")
    ask = Ask("m", "http://e/v1", messages, sampling, attempt=1, extra={"top_k": 40})
    assert ask.key == "cef3c63109bfcf932d2a73da293b302bbdd681dd393fe63bed0eed265a4c0f69"


def test_truncated_answers_are_kept_and_failed_ones_are_not(tmp_path: Path) -> None:
    def script(seen: Seen) -> Act:
        if seen.prompt == "long":
            return say("half", seen, finish="length")
        if seen.prompt == "odd":
            return Act({"choices": []})
        return complain(500) if seen.prompt == "down" else echo(seen)

    prompts = ["long", "down", "odd", "good"]
    with Server(script) as server:
        model = endpoint(server, cache=tmp_path / "c", retries=1)
        first = model.complete(prompts, Sampling(seed=1))
        again = model.complete(prompts, Sampling(seed=1))
    assert [g[0].cached for g in again] == [True, False, False, True]
    assert [g[0].error for g in first] == [g[0].error for g in again]


def test_answers_before_a_fatal_fault_are_kept(tmp_path: Path) -> None:
    def script(seen: Seen) -> Act:
        return complain(401) if seen.prompt == "bad" else echo(seen)

    with Server(script) as server:
        model = endpoint(server, cache=tmp_path / "c", concurrency=1)
        with pytest.raises(ModelError):
            model.complete(["good", "bad", "never"], Sampling(seed=1))
        assert model.complete(["good"], Sampling(seed=1))[0][0].cached
        assert [seen.prompt for seen in server.seen][:2] == ["good", "bad"]


def test_the_first_answer_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    cache.add({"k": Answer("one")})
    cache.add({"k": Answer("two")})
    assert cache.find(["k", "other"]) == {"k": Answer("one")}
    cache.close()


def test_more_keys_than_a_query_holds(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    answers = {f"{i}": Answer(f"text {i}") for i in range(1234)}
    cache.add(answers)
    assert cache.find([*answers, "missing"]) == answers
    cache.close()


def write(path: Path, name: str) -> None:
    cache = Cache(path)
    for i in range(25):
        cache.add({f"{name} {i}": Answer(f"{name} {i}")})
    cache.close()


def test_many_processes_write_at_once(tmp_path: Path) -> None:
    """They all make the file, too."""
    spawn = multiprocessing.get_context("spawn")
    names = [f"process {i}" for i in range(4)]
    processes = [spawn.Process(target=write, args=(tmp_path / "c", name)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    cache = Cache(tmp_path / "c")
    assert len(cache.find(f"{name} {i}" for name in names for i in range(25))) == 100
    cache.close()


def test_many_threads_write_at_once(tmp_path: Path) -> None:
    cache = open_cache(tmp_path / "c")
    assert open_cache(tmp_path / "c") is cache

    def work(name: int) -> None:
        for i in range(50):
            cache.add({f"{name} {i}": Answer()})
            cache.find([f"{name} {i}"])

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache.find(f"{name} {i}" for name in range(8) for i in range(50))) == 400


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"this is no database, but a text of some length" * 100)
    with pytest.raises(EvollmError, match=r"answers\.sqlite is damaged.*delete it"):
        Cache(path)


def test_a_full_disk_is_named_and_what_was_kept_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    cache.add({"small": Answer("kept")})
    cache._database.execute("PRAGMA max_page_count = 1")  # grows to what there is already
    with pytest.raises(EvollmError, match=r"^the cache .* can't grow because the disk is full"):
        cache.add({f"{i}": Answer("x" * 1000) for i in range(100)})
    assert cache.find(["small", "3"]) == {"small": Answer("kept")}
    cache.close()


def test_damaged_answers_are_named(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    cache.add({f"{i}": Answer("some text") for i in range(500)})
    cache.close()
    broken = bytearray((tmp_path / "c").read_bytes())
    for place in range(4096, len(broken), 97):
        broken[place] ^= 0x55
    (tmp_path / "c").write_bytes(broken)
    cache = Cache(tmp_path / "c")
    with pytest.raises(EvollmError, match=r"^the cache .* is damaged .*: delete it, or name"):
        cache.find(f"{i}" for i in range(500))
    cache.close()


def test_an_answer_that_makes_no_sense_is_damage(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    cache._database.execute("INSERT INTO answers VALUES ('a', '{', 0.0)")
    with pytest.raises(EvollmError, match=r"^the cache .* is damaged .*: delete it, or name"):
        cache.find(["a"])
    cache.close()


def test_use_after_close_is_named(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    cache.close()
    for use in (
        lambda: cache.find(["a"]),
        lambda: cache.add({"a": Answer("b")}),
        lambda: cache.ability("e", "m", "seed", 0.0),
    ):
        with pytest.raises(EvollmError, match=r"^the cache .* is closed: open it again"):
            use()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    Cache(path).close()
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    with pytest.raises(EvollmError, match=r"newer evollm.*upgrade"):
        Cache(path)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EvollmError, match="can't be used"):
        Cache(tmp_path / "file" / "c")
    with pytest.raises(EvollmError, match="can't be used"):
        Cache(tmp_path)


def test_the_file_is_in_the_users_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOLLM_CACHE", str(tmp_path))
    with Server() as server:
        Endpoint("m", base_url=server.url).complete(["a"])
    assert (tmp_path / "answers.sqlite").is_file()
    assert b"Bearer" not in (tmp_path / "answers.sqlite").read_bytes()


def test_a_broken_schema_goes_the_same_way_again(tmp_path: Path) -> None:
    def script(seen: Seen) -> Act:
        return say('{"x": 1}' if seen.number >= 2 else "no JSON", seen)

    schema = {"type": "object", "required": ["x"]}
    known = frozenset({"schema"})
    with Server(script) as server:
        model = endpoint(server, cache=tmp_path / "c", known=known)
        first = model.complete(["a"], Sampling(schema=schema, seed=1))[0][0]
        again = model.complete(["a"], Sampling(schema=schema, seed=1))[0][0]
        assert len(server.seen) == 3
        assert len({seen.body["seed"] for seen in server.seen}) == 3
    assert first.text == again.text == '{"x": 1}'
    assert (first.error, again.error) == (None, None)
