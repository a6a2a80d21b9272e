"""An operator that makes nothing is told of once, with the cause, and no other one is."""

import logging

import pytest

from evollm import Budget, EvollmError, run
from evollm.algorithms.generations import generational
from evollm.algorithms.mating import Mating
from evollm.llm.base import Completion, Sampling
from evollm.llm.scripted import Scripted
from evollm.types import Offspring
from tests.support_each import each


class Start:
    name = "Start"

    def vary(self, parents, n, seed):
        return Offspring([float(seed % 7 + i) for i in range(n)])


class Step:
    name = "Step"

    def vary(self, parents, n, seed):
        return Offspring([parents[0].genome + 1.0] * n)


class Asks:
    name = "Asks"

    def __init__(self, model):
        self.model = model

    def vary(self, parents, n, seed):
        for [reply] in self.model.complete(["p"] * n, Sampling(seed=seed)):
            if reply.error is None:
                return Offspring([float(reply.text)] * n)
        return Offspring([], rejected={"unusable completion": n, "stood in for by Step": 9})


FAILING = Scripted(lambda *_: Completion("", error="the endpoint does not take this prompt"))
FINE = Scripted(lambda *_: "1.5")


def warned(caplog, model, generations, size=8):
    caplog.clear()
    matings = [Mating(Asks(model)), Mating(Step())]
    flow = generational(Start(), matings, size=size, seed=1)
    with caplog.at_level(logging.WARNING, "evollm"):
        run(flow, lambda x: x, budget=Budget(generations=generations))
    return [record.getMessage() for record in caplog.records]


@each("generations", [1, 2, 8])
def test_a_share_that_makes_nothing_is_told_of_once(caplog, generations):
    [said] = warned(caplog, FAILING, generations)
    assert said.startswith("Asks has made none of the ")
    assert "does not take this prompt" in said
    assert said.endswith("continues with the children of other operators")


def test_shares_that_make_something_are_not(caplog):
    assert warned(caplog, FINE, 6) == []


def test_without_a_model_the_reasons_of_rejections_are_told(caplog):
    class Refuses:
        name = "Refuses"

        def vary(self, parents, n, seed):
            return Offspring([], rejected={"too deep": 2 * n, "malformed": n})

    flow = generational(Start(), [Mating(Refuses()), Mating(Step())], size=4, seed=1)
    with caplog.at_level(logging.WARNING, "evollm"):
        run(flow, lambda x: x, budget=Budget(generations=2))
    [record] = caplog.records
    assert "(most often rejected: too deep)" in record.getMessage()


def test_a_run_that_fails_says_why_and_does_not_warn_besides(caplog):
    flow = generational(Start(), Asks(FAILING), size=2, seed=1)
    with caplog.at_level(logging.WARNING, "evollm"), pytest.raises(EvollmError, match="no valid"):
        run(flow, lambda x: x, budget=Budget(generations=2))
    assert not caplog.records
