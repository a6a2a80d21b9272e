"""Steps: what each answer on record added to a run's counts, in the order of the answers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from evollm.store.record import Record
from evollm.store.rows import VIOLATED


@dataclass(frozen=True, slots=True)
class Answered:
    """What the answer to one job added.

    Attributes:
        told: Place in the order of the answers.
        step: Step of the job.
        evaluations: Evaluations that the job asked for.
        failed: Those that failed.
        scored: Those that were completed, so that they have a finite fitness that is not a bound.
        total: Sum of the fitness of the completed ones.
        fidelity: Fidelity at which they were scored; 0 if the problem has only one.
        best: The highest fitness of a completed one that is feasible; None without any.
        calls: Model calls of the job.
        tokens: Prompt and generated tokens of these calls.
        money: Money paid for them; None if the price of one is unknown.
    """

    told: int
    step: int
    evaluations: int = 0
    failed: int = 0
    scored: int = 0
    total: float = 0.0
    fidelity: int = 0
    best: float | None = None
    calls: int = 0
    tokens: int = 0
    money: float | None = 0.0


def answered(record: Record, after: int = -1) -> list[Answered]:
    """Return what the answers added, in their order, without those that added nothing.

    Args:
        record: The run's.
        after: Only answers after this place in the order are returned.
    """
    found = {one.told: one for one in _evaluations(record, after)}
    for one in _calls(record, after):
        scored = found.get(one.told, one)
        found[one.told] = replace(scored, calls=one.calls, tokens=one.tokens, money=one.money)
    return [found[told] for told in sorted(found)]


def _evaluations(record: Record, after: int) -> Iterator[Answered]:
    sound = "o.error IS NULL AND NOT o.bound AND abs(o.fitness) < 9e999"  # 9e999 is infinity
    for row in record.rows(
        "SELECT j.told, j.step, count(*), count(o.error),"
        f" count(iif({sound}, 1, NULL)), total(iif({sound}, o.fitness, NULL)),"
        f" coalesce(j.fidelity, 0), max(iif({sound} AND {VIOLATED} = 0, o.fitness, NULL))"
        " FROM jobs j JOIN outcomes o ON o.job = j.id WHERE j.told > ? GROUP BY j.told",
        (after,),
    ):
        yield Answered(*row)


def _calls(record: Record, after: int) -> Iterator[Answered]:
    paid = "iif(c.cached, 0, c.cost)"  # cached answers are free
    for told, step, calls, tokens, money, unknown in record.rows(
        "SELECT j.told, j.step, count(*), total(c.prompt_tokens + c.completion_tokens),"
        f" total({paid}), count(*) - count({paid})"
        " FROM jobs j JOIN calls c ON c.job = j.id WHERE j.told > ? GROUP BY j.told",
        (after,),
    ):
        price = None if unknown else money
        yield Answered(told, step, calls=calls, tokens=int(tokens), money=price)
