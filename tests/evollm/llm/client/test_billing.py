"""Calls before a ledger: recalled, reserved in order, settled, and ended by a budget."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evollm.ledger import Exhausted, ledger
from evollm.llm.base import LanguageModel, ModelError, Sampling
from evollm.llm.client.requests import Ask
from evollm.llm.scripted import Scripted
from tests.evollm.llm.support_books import Book
from tests.evollm.llm.support_faulty import Act, Seen, Server, complain, echo, endpoint, say
from tests.support_each import each

PROMPTS = [f"p{i}" for i in range(6)]


@pytest.fixture
def opened() -> Iterator[None]:
    """Forget the ledger that the test opens."""
    token = ledger.set(None)
    yield
    ledger.reset(token)


pytestmark = pytest.mark.usefixtures("opened")


def keep(book: Book) -> Book:
    ledger.set(book)
    return book


def models(server: Server) -> list[LanguageModel]:
    return [endpoint(server), Scripted(lambda prompt, sample, options: f"{prompt}/{sample}")]


def prompts_of(book: Book) -> list[str]:
    return [call.request["prompt"] for call in book.calls]


def test_every_call_is_recorded_and_settled() -> None:
    with Server() as server:
        for model in models(server):
            book = keep(Book())
            completions = model.complete(PROMPTS, Sampling(seed=1), n=2)
            flat = [completion for group in completions for completion in group]
            texts = {call.answer["text"] for call in book.calls if call.answer}
            assert texts == {completion.text for completion in flat}
            assert len(book.calls) == 12
            assert book.held == [0, 0, 0]
            assert book.tokens == sum(c.prompt_tokens + c.completion_tokens for c in flat)
            assert len({call.key for call in book.calls}) == 12


def test_what_was_recorded_is_recalled_at_no_charge() -> None:
    with Server() as server:
        for model in models(server):
            book = keep(Book(calls=6))
            first = model.complete(PROMPTS[:4], Sampling(seed=1))
            again = model.complete(PROMPTS, Sampling(seed=1))
            assert [g[0].text for g in again[:4]] == [g[0].text for g in first]
            assert len(book.calls) == 6
        assert len(server.seen) == 6


@each("calls", range(6))
def test_a_budget_of_calls_is_met_exactly_and_in_order(calls: int) -> None:
    with Server() as server:
        for model in models(server):
            book = keep(Book(calls=calls))
            with pytest.raises(Exhausted):
                model.complete(PROMPTS)
            assert sorted(prompts_of(book)) == PROMPTS[:calls]
            assert all(call.answer for call in book.calls)
            assert book.held == [0, 0, 0]


def test_a_budget_of_tokens_is_never_passed_and_used_as_far_as_it_goes() -> None:
    """One call reserves 16 + 2 + 10 + 256 tokens and takes 7, so they go one by one."""
    with Server() as server:
        book = keep(Book(tokens=327))
        with pytest.raises(Exhausted):
            endpoint(server).complete(
                PROMPTS * 3 + [f"q{i}" for i in range(20)], Sampling(max_tokens=10)
            )
        assert book.tokens <= 327
        assert book.most_held == 1
        assert prompts_of(book) == [*PROMPTS, "q0"]
        assert server.most_at_once == 1


def test_money_needs_a_price_and_is_never_passed() -> None:
    with Server() as server:
        keep(Book(money=1.0))
        with pytest.raises(Exhausted, match="needs a price"):
            endpoint(server).complete(["a"])
        book = keep(Book(money=30.0))
        with pytest.raises(Exhausted, match="left"):
            endpoint(server, price=(1e6, 0.0)).complete(
                [f"p{i}" for i in range(50)], Sampling(mode="chat")
            )
        assert not book.calls
        book = keep(Book(money=1000.0))
        with pytest.raises(Exhausted, match="left"):
            endpoint(server, price=(1e6, 0.0)).complete([f"p{i}" for i in range(300)])
        assert 700 < book.money <= 1000
        assert all(call.cost == 5.0 for call in book.calls)


def test_an_unknown_price_is_none_and_never_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVOLLM_PRICE", raising=False)
    with Server() as server:
        book = keep(Book())
        model = endpoint(server)
        assert model.complete(["a"])[0][0].cost is None
        assert book.calls[0].cost is None
        assert model.usage.cost is None
        monkeypatch.setenv("EVOLLM_PRICE", "2,3")
        assert model.complete(["b"])[0][0].cost == pytest.approx((5 * 2 + 2 * 3) / 1e6)


def test_cached_answers_count_as_calls_and_tokens_but_cost_nothing(tmp_path: Path) -> None:
    with Server() as server:
        model = endpoint(server, cache=tmp_path / "c", price=(1.0, 1.0))
        first = keep(Book(calls=4))
        with pytest.raises(Exhausted):
            model.complete(PROMPTS)
        again = keep(Book(calls=4))
        with pytest.raises(Exhausted):
            model.complete(PROMPTS)
        assert len(server.seen) == 4
    assert sorted(prompts_of(first)) == prompts_of(again) == PROMPTS[:4]
    assert first.tokens == again.tokens == 28
    assert (first.money > 0, again.money) == (True, 0)
    assert all(call.cached for call in again.calls)
    assert (model.usage.calls, model.usage.cached, model.usage.cached_tokens) == (8, 4, 28)


def test_failed_calls_are_recorded_and_asked_again_when_the_run_goes_on() -> None:
    def script(seen: Seen) -> Act:
        return complain(500) if seen.prompt == "p1" and seen.number < 2 else echo(seen)

    with Server(script) as server:
        book = keep(Book())
        model = endpoint(server, retries=1, concurrency=1)
        assert model.complete(PROMPTS[:2], Sampling(seed=1))[1][0].error
        assert [(call.answer is None, call.error is None) for call in book.calls] == [
            (False, True),
            (True, False),
        ]
        assert model.complete(PROMPTS[:2], Sampling(seed=1))[1][0].text == "p1/1"
        assert len(server.seen) == 3
        assert model.usage.failed == 1


def test_after_a_fatal_fault_nothing_is_held() -> None:
    def script(seen: Seen) -> Act:
        act = complain(401) if seen.prompt == "p2" else echo(seen)
        return Act(act.body, act.status, delay_s=0.0 if seen.prompt in ("p0", "p2") else 5.0)

    with Server(script) as server:
        book = keep(Book())
        with pytest.raises(ModelError, match="OPENAI_API_KEY"):
            endpoint(server, concurrency=2).complete(PROMPTS)
        assert book.held == [0, 0, 0]
        assert sorted(prompts_of(book)) == PROMPTS
        answered = [call.request["prompt"] for call in book.calls if call.answer]
        assert answered in (["p0"], [])
        assert len(server.seen) < 6


def test_repairs_are_calls_of_their_own_and_end_with_the_budget() -> None:
    schema = {"type": "integer"}
    with Server(lambda seen: say("one", seen)) as server:
        model = endpoint(server, known=frozenset({"schema"}), repairs=2)
        book = keep(Book())
        completion = model.complete(["a"], Sampling(schema=schema))[0][0]
        assert completion.error is not None
        assert "not JSON" in completion.error
        assert [call.request["attempt"] for call in book.calls] == [0, 1, 2]
        assert all(call.error and call.answer for call in book.calls)
        book = keep(Book(calls=3))
        with pytest.raises(Exhausted):
            model.complete(["b", "c"], Sampling(schema=schema))
        attempts = [(call.request["prompt"], call.request["attempt"]) for call in book.calls]
        assert sorted(attempts) == [("b", 0), ("b", 1), ("c", 0)]


def test_a_script_that_fails_leaves_nothing_held() -> None:
    def script(prompt: object, sample: int, options: object) -> str:
        raise ValueError("a fault of the script")

    book = keep(Book())
    with pytest.raises(ValueError, match="a fault of the script"):
        Scripted(script).complete(["a"])
    assert book.held == [0, 0, 0]
    assert book.calls[0].answer is None


@each(
    ("prompt", "mode", "most"),
    [
        ("äb", "plain", 3 + 16),
        ("äb", "chat", 3 + 16 + 256),
        ([{"role": "user", "content": "äb"}, {"role": "user", "content": ""}], "chat", 256 + 35),
    ],
)
def test_the_bound_on_tokens(prompt: object, mode: str, most: int) -> None:
    options = Sampling(mode=mode, max_tokens=100)  # type: ignore[arg-type]
    assert Ask("m", "e", prompt, options).most_tokens == most + 100  # type: ignore[arg-type]
