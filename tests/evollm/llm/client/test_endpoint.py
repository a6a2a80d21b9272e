"""The client of OpenAI-compatible endpoints, against a real server."""

import asyncio
import logging
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel, ModelError, Sampling
from evollm.llm.client.endpoint import Endpoint
from evollm.llm.client.settings import Settings
from tests.evollm.llm.support_faulty import Act, Seen, Server, echo, endpoint, say
from tests.support_each import each


def late(seen: Seen) -> Act:
    """Echo after a random while."""
    answer = echo(seen)
    return Act(answer.body, delay_s=random.Random(seen.number).uniform(0, 0.05))


def test_an_endpoint_is_a_language_model() -> None:
    model: LanguageModel = Endpoint("m", base_url="http://127.0.0.1:9/v1")
    assert isinstance(model, LanguageModel)


@each("mode", ["chat", "plain"])
def test_order_is_kept_under_random_delays(mode: str) -> None:
    prompts = [f"prompt {i}" for i in range(20)]
    with Server(late) as server:
        model = endpoint(server, known=frozenset({"plain"}))
        answers = model.complete(prompts, Sampling(seed=10, mode=mode), n=3)  # type: ignore[arg-type]
    texts = [[answer.text for answer in group] for group in answers]
    assert texts == [[f"{prompt}/{10 + i}" for i in range(3)] for prompt in prompts]
    assert len(server.seen) == 60


def test_samples_asked_together_take_neighbouring_slots_unless_others_are_beside_them() -> None:
    together = threading.Event()

    def script(seen: Seen) -> Act:
        if seen.prompt != "alone":
            together.wait(10)
        choice = say(seen.prompt, seen).body["choices"][0]
        choices = [{**choice, "index": i} for i in range(seen.body.get("n", 1))]
        if len(server.seen) == 3:
            together.set()
        return Act({**say("", seen).body, "choices": choices})

    with Server(script) as server:
        model = endpoint(server, group=4, known=frozenset({"plain"}))
        model.complete(["alone"], Sampling(mode="plain"), n=4)
        model.complete(["a", "b"], Sampling(mode="plain"), n=4)
        model.complete(["alone"], Sampling(mode="plain"))
    bodies = [seen.body for seen in server.seen]
    assert [body.get("n", 1) for body in bodies] == [4, 4, 4, 1]
    slots = [body.get("id_slot") for body in bodies]
    assert (slots[0], slots[3], slots[1:3].count(0)) == (0, None, 1)


def test_no_prompts_need_no_requests() -> None:
    with Server() as server:
        assert endpoint(server).complete([]) == []
        assert not server.seen


def test_the_whole_request_arrives() -> None:
    with Server() as server:
        model = endpoint(server, options={"top_k": 40}, known=frozenset({"schema"}))
        messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
        schema = {"type": "string"}
        model.complete(
            [messages], Sampling(temperature=0.5, max_tokens=7, stop=["\n"], schema=schema)
        )
    body = server.seen[0].body
    assert body["messages"] == messages
    assert body["model"] == "m"
    assert (body["temperature"], body["max_tokens"], body["stop"]) == (0.5, 7, ["\n"])
    assert body["top_k"] == 40
    assert "seed" not in body
    assert body["response_format"]["json_schema"]["schema"] == schema
    assert server.seen[0].path == "/v1/chat/completions"
    assert server.seen[0].key == "Bearer sk-secret"


def test_plain_mode_speaks_as_llama_cpp_does() -> None:
    with Server(lambda seen: say('"x"', seen)) as server:
        model = endpoint(server, known=frozenset({"plain", "schema", "grammar"}))
        model.complete(["once"], Sampling(mode="plain", schema={"type": "string"}))
        model.complete(["once"], Sampling(mode="plain", grammar='root ::= "x"'))
    assert server.seen[0].path == "/v1/completions"
    assert server.seen[0].body["prompt"] == "once"
    assert server.seen[0].body["json_schema"] == {"type": "string"}
    assert server.seen[1].body["grammar"] == 'root ::= "x"'


def test_huge_seeds_are_wrapped_and_still_differ() -> None:
    with Server() as server:
        endpoint(server).complete(["a"], Sampling(seed=2**53 - 1), n=2)
    seeds = {seen.body["seed"] for seen in server.seen}
    assert len(seeds) == 2
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_the_same_request_twice_in_a_call_is_asked_once() -> None:
    with Server() as server:
        first, second = endpoint(server).complete(["a", "a"])
        assert first[0].text == second[0].text
        assert len(server.seen) == 1


def test_concurrency_is_bounded_across_threads() -> None:
    def slow(seen: Seen) -> Act:
        return Act(echo(seen).body, delay_s=0.02)

    with Server(slow) as server:
        model = endpoint(server, concurrency=3)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda i: model.complete([f"{i}-{j}" for j in range(6)]), range(4)))
    assert server.most_at_once == 3


def test_eight_threads_at_once_each_get_their_own_answers() -> None:
    with Server(late) as server:
        model = endpoint(server)
        start = threading.Barrier(8)

        def work(thread: int) -> list[str]:
            start.wait()
            groups = model.complete([f"{thread}:{i}" for i in range(10)], Sampling(seed=thread))
            return [group[0].text for group in groups]

        with ThreadPoolExecutor(8) as pool:
            texts = list(pool.map(work, range(8)))
    assert texts == [[f"{t}:{i}/{t}" for i in range(10)] for t in range(8)]
    assert model.usage.calls == 80


def test_it_works_inside_a_running_event_loop() -> None:
    with Server() as server:

        async def cell() -> str:
            return endpoint(server).complete(["a"], Sampling(seed=1))[0][0].text

        assert asyncio.run(cell()) == "a/1"
        assert asyncio.run(cell()) == "a/1"


def test_a_pickle_holds_no_key_and_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as server:
        model = endpoint(server)
        model.complete(["a"])
        raw = pickle.dumps(model)
        assert b"sk-secret" not in raw
        assert "sk-secret" not in repr(model)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-worker")
        copy = pickle.loads(raw)
        assert copy.complete(["b"], Sampling(seed=1))[0][0].text == "b/1"
        assert copy.usage.calls == 1
        assert server.seen[-1].key == "Bearer sk-of-the-worker"


def test_an_unpickled_copy_shares_the_limits_of_its_process() -> None:
    def slow(seen: Seen) -> Act:
        return Act(echo(seen).body, delay_s=0.02)

    with Server(slow) as server:
        model = Endpoint("m", base_url=server.url, settings=Settings(cache=None, concurrency=2))
        copies = [pickle.loads(pickle.dumps(model)) for _ in range(3)]
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda copy: copy.complete(["a", "b", "c", "d"]), copies))
    assert server.most_at_once == 2


def test_a_forked_child_can_ask() -> None:
    code = (
        "import os, sys, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from evollm.llm.base import Sampling\n"
        "from evollm.llm.client.endpoint import Endpoint\n"
        "from evollm.llm.client.settings import Settings\n"
        "model = Endpoint('m', base_url=sys.argv[1], settings=Settings(cache=None))\n"
        "model.complete(['parent'])\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    [[answer]] = model.complete(['child'], Sampling(seed=1))\n"
        "    os._exit(0 if answer.text == 'child/1' else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    with Server() as server:
        done = subprocess.run([sys.executable, "-c", code, server.url], timeout=60)
    assert done.returncode == 0


def test_a_key_is_needed_away_from_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    model = Endpoint("m", base_url="https://nowhere.invalid/v1", settings=Settings(cache=None))
    with pytest.raises(ModelError, match="set OPENAI_API_KEY"):
        model.complete(["a"])


def test_offline_forbids_to_leave_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLLM_OFFLINE", "1")
    model = Endpoint(
        "m", base_url="https://nowhere.invalid/v1", api_key="k", settings=Settings(cache=None)
    )
    with pytest.raises(ModelError, match="EVOLLM_OFFLINE"):
        model.complete(["a"])
    with Server() as server:
        assert endpoint(server).complete(["a"], Sampling(seed=1))[0][0].text == "a/1"


def test_the_base_url_comes_from_the_argument_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert Endpoint("m").base_url == "https://api.openai.com/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1/")
    assert Endpoint("m").base_url == "http://localhost:1/v1"
    assert Endpoint("m", base_url="http://localhost:2").base_url == "http://localhost:2"


@each(
    ("url", "said"),
    [
        ("localhost:80", "must begin with http"),
        ("ftp://x", "must begin with http"),
        ("http://user:hunter2@localhost/v1", "OPENAI_API_KEY"),
        ("http://localhost:port/v1", "malformed"),
        ("http://localhost:99999/v1", "malformed"),
        ("http://localhost:0/v1", "port of 1 to 65535"),
        ("http://[::1/v1", "malformed"),
        ("http://user:hunter2@[::1/v1", "malformed"),
        ("http://a..b/v1", "malformed"),
        ("http://local host/v1", "spaces"),
        ("http://localhost/v1#part", "fragment"),
        ("http://localhost/v1?key=hunter2", "environment variable"),
        ("http://localhost/v1/chat/completions", "remove that"),
    ],
)
def test_odd_base_urls_are_refused(url: str, said: str) -> None:
    with pytest.raises(EvollmError, match=said) as raised:
        Endpoint("m", base_url=url)
    assert "base URL" in str(raised.value)
    assert "hunter2" not in str(raised.value)


@each(
    "wrong",
    [
        {"max_tokens": 0},
        {"top_logprobs": -1},
        {"temperature": float("nan")},
        {"mode": "talk"},
        {"schema": {}, "grammar": "root ::= [0-9]"},
        {"schema": {"type": "nonsense"}},
    ],
)
def test_wrong_arguments_are_refused_before_any_request(wrong: dict[str, object]) -> None:
    with Server() as server:
        with pytest.raises(ModelError):
            endpoint(server).complete(["a"], Sampling(**wrong))  # type: ignore[arg-type]
        with pytest.raises(ModelError, match="n must be a whole number, 1 or more, not 0"):
            endpoint(server).complete(["a"], n=0)
        assert not server.seen


@each(
    ("prompts", "mode"),
    [
        ("a", "chat"),
        (["\ud800"], "chat"),
        ([[{"role": "user"}]], "chat"),
        ([[]], "chat"),
        ([[{"role": "user", "content": "x"}]], "plain"),
    ],
)
def test_wrong_prompts_are_refused_before_any_request(prompts: object, mode: str) -> None:
    with Server() as server:
        with pytest.raises(ModelError):
            endpoint(server).complete(prompts, Sampling(mode=mode))  # type: ignore[arg-type]
        assert not server.seen


def test_the_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Server() as server:
        endpoint(server).complete(["a"])
    assert caplog.records
    assert "sk-secret" not in caplog.text


def test_an_interrupt_stops_what_is_in_flight() -> None:
    """A keyboard interrupt in the calling thread cancels its requests and ends at once."""
    code = (
        "import sys\n"
        "from evollm.ledger import ledger\n"
        "from tests.evollm.llm.support_books import Book\n"
        "from evollm.llm.client.endpoint import Endpoint\n"
        "from evollm.llm.client.settings import Settings\n"
        "model = Endpoint('m', base_url=sys.argv[1], settings=Settings(cache=None))\n"
        "book = Book()\n"
        "ledger.set(book)\n"
        "try:\n"
        "    model.complete(['fast', 'slow'])\n"
        "except KeyboardInterrupt:\n"
        "    print([call.answer is not None for call in book.calls], book.held[0])\n"
    )

    def script(seen: Seen) -> Act:
        return Act(echo(seen).body, delay_s=30.0 if seen.prompt == "slow" else 0.0)

    with Server(script) as server:
        child = subprocess.Popen(
            [sys.executable, "-c", code, server.url], stdout=subprocess.PIPE, text=True
        )
        while len(server.seen) < 2 and child.poll() is None:
            time.sleep(0.02)
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=20)
    assert said.strip() == "[True, False] 0"
