"""Trials: a small problem and a small flow that do what a test tells them to."""

import os
import time
from asyncio import CancelledError
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from evollm.ledger import Call, ledger
from evollm.search.flow import Flow, evaluate, vary
from evollm.types import JSON, Offspring, Outcome


@dataclass(frozen=True)
class Given:
    """An operator that returns given genomes."""

    genomes: Sequence[Any]

    def vary(self, parents: Sequence[Any], n: int, seed: int) -> Offspring[Any]:
        """Return the first ``n`` of them."""
        return Offspring(list(self.genomes[:n]))


class Refusal(BaseException):
    """What nobody expects to be raised."""


RAISED: dict[str, BaseException] = {
    "raise": ValueError("a bad genome"),
    "exit": SystemExit(3),
    "interrupt": KeyboardInterrupt(),
    "leave": GeneratorExit(),
    "cancel": CancelledError(),
    "refuse": Refusal("not this one"),
}
"""What a ``Trial`` raises for a genome that is one of these words."""


@dataclass(frozen=True)
class Trial:
    """A problem whose genomes say what is to happen.

    A number is its own fitness, a word of ``RAISED`` raises, and ``nan`` is NaN. A list is spoilt
    where it is, and worth its sum; a tuple of a number and a list is repaired to that list and
    worth the number.

    Attributes:
        factor: By which a fitness is multiplied.
        elementwise: Whether a batch may be cut anywhere.
        yields: Whether outcomes are yielded one by one.
        seconds: How long one evaluation takes.
    """

    factor: float = 1.0
    elementwise: bool = True
    yields: bool = False
    seconds: float = 0.0

    def evaluate(
        self, genomes: Sequence[Any], fidelity: int | None, seed: int
    ) -> Iterable[Outcome]:
        """Do what each genome says."""
        coming = self._coming(genomes)
        return coming if self.yields else list(coming)

    def _coming(self, genomes: Sequence[Any]) -> Iterator[Outcome]:
        for genome in genomes:
            time.sleep(self.seconds)
            yield self._obey(genome)

    def _obey(self, genome: Any) -> Outcome:
        if isinstance(genome, str) and genome in RAISED:
            raise RAISED[genome]
        if isinstance(genome, tuple):
            return Outcome(self.factor * genome[0], genome=genome[1], cost=2.5)
        value = sum(genome) if isinstance(genome, list) else float(genome)
        if isinstance(genome, list):
            genome.append("spoilt")
        return Outcome(self.factor * value)


@dataclass(frozen=True)
class Barred:
    """A problem that cuts an evaluation short where a genome, a number, is below the bar.

    Each outcome's ``info`` is the genome's id, as the context gave it.
    """

    elementwise = True

    def evaluate(
        self,
        genomes: Sequence[float],
        fidelity: int | None,
        seed: int,
        context: Mapping[str, JSON] | None = None,
    ) -> list[Outcome]:
        """Score each genome by itself, or by the bar that it can't reach."""
        known = context or {}
        bar, ids = known.get("bar", -inf), known.get("ids", [None] * len(genomes))
        return [
            Outcome(float(genome), info=number, bound=genome < bar)
            for genome, number in zip(genomes, ids, strict=True)
        ]


TOKENS = 10
"""What one call of a ``Questioner`` takes."""


@dataclass(frozen=True)
class Questioner:
    """A problem that asks a model twice per genome; a number is its own fitness.

    The calls are as good as real to a run's ledger, but no model is there.

    Attributes:
        stubborn: Whether it catches all exceptions and gives a fitness of 0 instead.
        yields: Whether outcomes are yielded one by one.
    """

    stubborn: bool = False
    yields: bool = True
    elementwise = True
    asks_model = True

    def evaluate(
        self, genomes: Sequence[float], fidelity: int | None, seed: int
    ) -> Iterable[Outcome]:
        """Ask, and score."""
        coming = map(self._score, genomes)
        return coming if self.yields else list(coming)

    def _score(self, genome: float) -> Outcome:
        try:
            for question in ("first", "second"):
                _call(f"{question} of {genome}")
        except Exception:
            if not self.stubborn:
                raise
            return Outcome(0.0)
        return Outcome(float(genome))


def _call(key: str) -> None:
    account = ledger.get()
    assert account is not None, "an evaluation has no ledger"
    if account.recall(key) is None:
        while not account.reserve(TOKENS, 0.5):
            time.sleep(0.001)
        call = Call(key, "nobody", {"prompt": key}, {"text": ""}, None, 6, 4, 0.0, 0.5, False)
        account.record(call, TOKENS, 0.5)


@dataclass
class Prepared:
    """A problem whose fitness is 1 in a process that has prepared it, else 0.

    Attributes:
        process: Of the process that has prepared it last.
        times: How often it was prepared there.
        pause: Seconds that it takes.
    """

    process: int = 0
    times: int = 0
    pause: float = 0.0
    elementwise = True

    def prepare(self) -> None:
        """Note the process."""
        time.sleep(self.pause)
        self.times = 1 + self.times * (self.process == os.getpid())
        self.process = os.getpid()

    def evaluate(
        self, genomes: Sequence[Any], fidelity: int | None, seed: int
    ) -> Iterable[Outcome]:
        """Score."""
        there = self.process == os.getpid()
        return [Outcome(float(there), info=self.times) for _ in genomes]


def once(genomes: Sequence[Any], context: Mapping[str, JSON] | None = None) -> Flow:
    """Return a flow that scores given genomes in one batch, and ends."""
    made = yield from vary(Given(tuple(genomes)), [], len(genomes), seed=0)
    yield from evaluate(made, context=context)
