"""Why nothing could be used: the commonest recorded cause, with advice that fits it."""

from typing import Any

from evollm.errors import EvollmError
from evollm.ledger import Call
from evollm.runtime.causes import cause, explained
from evollm.search.flow import Vary
from evollm.search.search import Ticket
from evollm.store.record import Record
from evollm.testing import Given
from evollm.types import NothingUsable, Offspring
from tests.support_each import each


def call(record: Record, error: str | None) -> None:
    answer = {"text": "x"}
    record.call(0, Call("k", "m", {}, answer, error, 1, 1, 0.0, None, False))


def reject(record: Record, **rejected: int) -> None:
    job: Vary[Any] = Vary(Given([]), [], 1, 0)
    ticket = Ticket(0, 0, job, 0, [], 1)
    record.ask(ticket, "x", "")
    record.answered(ticket, 0, Offspring([], rejected=rejected))
    record.commit()


def test_the_commonest_cause_is_told_with_an_example() -> None:
    with Record() as record:
        assert cause(record) is None
        for number in range(3):
            call(record, f"the answer is not JSON: line {number}")
        call(record, "the answer was cut off at max_tokens (10)")
        call(record, None)
        reject(record, **{"unusable completion": 4, "stood in for by Other": 9, "odd": 2})
        found = cause(record)
    assert found is not None
    assert found.reason == "the answer is not JSON: line 0"
    assert (found.count, found.total) == (3, 6)


@each(
    ("error", "advice"),
    [
        ("the answer was cut off at max_tokens (10)", "raise max_tokens"),
        ("the answer was cut off before it began ... used all tokens for thinking", "reasons less"),
        ("the model thought, but gave no answer", "reasons less"),
        ("the endpoint does not take this prompt: too long", "longer context"),
        ("the server's content filter stopped the answer", "other words"),
        ("no answer within timeout_s=5, after 6 attempts (retries=6)", "raise timeout_s"),
        ("status 500: no, after 6 attempts (retries=6)", "check the server"),
        ("the server said: nope", "base URL"),
        ("the answer is not JSON: x", "chat mode"),
    ],
)
def test_the_advice_fits_the_cause(error: str, advice: str) -> None:
    with Record() as record:
        call(record, error)
        said = str(explained(NothingUsable("nothing could be used"), record))
        assert said.startswith(f"nothing could be used: the cause of all 1 failures is {error!r}; ")
        assert advice in said
        other = EvollmError("something else")
        assert explained(other, record) is other


def test_where_no_model_was_asked_none_is_blamed() -> None:
    with Record() as record:
        reject(record, odd=2)
        assert "operator" in str(explained(NothingUsable("none"), record))
