"""A fingerprint changes with what a job is, and with nothing else."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evollm import Candidate
from evollm.search.fingerprint import Fingerprints, describe
from evollm.search.flow import Evaluate, Job, Vary
from evollm.testing import Trial
from tests.evollm.support_parts import Blend
from tests.support_each import each


def children(*ids: int) -> list[Candidate[Any]]:
    return [Candidate(number, None, (), "", 0) for number in ids]


def of(job: Job, problem: Any = None) -> tuple[str, str]:
    return Fingerprints(problem or Trial()).of(job)


def test_equal_jobs_have_equal_fingerprints() -> None:
    for make in (
        lambda: Vary(Blend(), children(1, 2), 3, 4, 5),
        lambda: Evaluate(children(1, 2), 3, 4, 5),
    ):
        assert of(make()) == of(make())
    assert of(Vary(Blend(), [], 1, 0))[0] == "Blend"
    assert of(Evaluate([]))[0] == "Trial"


def test_different_jobs_differ() -> None:
    jobs: list[Job] = [
        Vary(Blend(), children(1, 2), 3, 4, 5),
        Vary(Blend(0.3), children(1, 2), 3, 4, 5),
        Vary(Blend(), children(2, 1), 3, 4, 5),
        Vary(Blend(), children(12), 3, 4, 5),
        Vary(Blend(), children(1, 2), 2, 4, 5),
        Vary(Blend(), children(1, 2), 3, 5, 5),
        Vary(Blend(), children(1, 2), 3, 4, 6),
        Evaluate(children(1, 2), 3, 4, 5),
        Evaluate(children(1, 2), None, 4, 5),
        Evaluate(children(1, 2), 3, 4, 6),
        Evaluate(children(1), 3, 4, 5),
    ]
    assert len({of(job) for job in jobs}) == len(jobs)
    assert of(jobs[-1]) != of(jobs[-1], Trial(2.0))
    assert of(jobs[0]) == of(jobs[0], Trial(2.0))


@dataclass(frozen=True)
class Settings:
    table: Any
    folder: str = field(default="here", metadata={"parameter": False})


def test_a_description_is_of_values_not_of_places() -> None:
    assert describe(Settings(np.arange(3), "a")) == describe(Settings(np.arange(3), "b"))
    assert describe(Settings(np.arange(3))) != describe(Settings(np.arange(3.0)))
    assert describe({"b", "a"}) == describe({"a", "b"}) == ["a", "b"]
    assert describe(describe) == "evollm.search.fingerprint.describe"
    assert describe(object()) == describe(object())


@each("value", [np.float64(0.5), 0.5, (1, [None, True]), {"a": {1: "b"}}])
def test_a_description_is_json(value: Any) -> None:
    import json

    assert json.loads(json.dumps(describe(value))) == describe(value)


def test_many_operators_do_not_confuse_it() -> None:
    fingerprints, seen = Fingerprints(Trial()), set()
    for i in range(3000):
        seen.add(fingerprints.of(Vary(Blend(i / 10), [], 1, 0)))
    assert len(seen) == 3000
