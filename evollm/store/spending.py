"""Spending: the tokens and money that a run had spent by each of its evaluations."""

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from evollm.store.queries import FINALS
from evollm.store.record import Record


class Spent(NamedTuple):
    """What the calls up to an evaluation took.

    Attributes:
        tokens: Prompt and generated tokens.
        money: Money paid; None if the price of a call is unknown.
    """

    tokens: int
    money: float | None

    def and_more(self, other: "Spent") -> "Spent":
        """Return both together."""
        unknown = self.money is None or other.money is None
        money = None if unknown else self.money + other.money  # type: ignore[operator]
        return Spent(self.tokens + other.tokens, money)


NOTHING = Spent(0, 0.0)


def spending(record: Record) -> list[Spent]:
    """Return what had been spent on models by each evaluation, in the order of the jobs.

    The calls of an evaluation's own job count whole, for all of its evaluations.
    """
    found = record.rows(
        "SELECT job, total(prompt_tokens + completion_tokens),"
        " total(CASE WHEN cached THEN 0 ELSE cost END),"
        " max(NOT cached AND cost IS NULL) FROM calls WHERE job != ? GROUP BY job ORDER BY job",
        (FINALS,),
    )
    each = [Spent(int(tokens), None if unknown else paid) for _, tokens, paid, unknown in found]
    until = list(accumulate(each, Spent.and_more, initial=NOTHING))
    jobs = [job for job, *_ in found]
    evaluated = record.rows("SELECT job FROM outcomes ORDER BY job, place")
    return [until[bisect_right(jobs, job)] for (job,) in evaluated]


def models(record: Record) -> list[str]:
    """Return the names of the models that were asked, sorted."""
    return [name for (name,) in record.rows("SELECT DISTINCT model FROM calls ORDER BY model")]


def operators(record: Record) -> list[str]:
    """Return the names of the operators that were used, in the order of their first job."""
    return [
        name
        for (name,) in record.rows(
            "SELECT name FROM jobs WHERE kind = 'vary' GROUP BY name ORDER BY min(id)"
        )
    ]
