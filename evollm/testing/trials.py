"""Trials: small problems, flows and operators with prescribed behaviour."""

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
        """Return the first ``n`` genomes."""
        return Offspring(list(self.genomes[:n]))


class Refusal(BaseException):
    """An exception that nobody expects."""


RAISED: dict[str, BaseException] = {
    "raise": ValueError("a bad genome"),
    "exit": SystemExit(3),
    "interrupt": KeyboardInterrupt(),
    "leave": GeneratorExit(),
    "cancel": CancelledError(),
    "refuse": Refusal("not this one"),
}
"""The exceptions that a ``Trial`` raises, by genome."""


@dataclass(frozen=True)
class Trial:
    """A problem whose genomes prescribe what happens.

    A number is its own fitness, a key of ``RAISED`` raises, and ``nan`` is NaN. A list is changed
    in place, and its fitness is the sum; a tuple of a number and a list is repaired to that list,
    and its fitness is the number.

    Attributes:
        factor: Factor of the fitness.
        elementwise: Whether a batch may be cut anywhere.
        yields: Whether outcomes are yielded one by one.
        seconds: Duration of an evaluation.
    """

    factor: float = 1.0
    elementwise: bool = True
    yields: bool = False
    seconds: float = 0.0

    def evaluate(
        self, genomes: Sequence[Any], fidelity: int | None, seed: int
    ) -> Iterable[Outcome]:
        """Do what each genome prescribes."""
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
    """A problem that cuts an evaluation short if the genome, a number, is below a threshold.

    Each outcome's ``info`` is the genome's id in the context.
    """

    elementwise = True

    def evaluate(
        self,
        genomes: Sequence[float],
        fidelity: int | None,
        seed: int,
        context: Mapping[str, JSON] | None = None,
    ) -> list[Outcome]:
        """Score each genome by its value, or by the threshold that it doesn't reach."""
        known = context or {}
        bar, ids = known.get("bar", -inf), known.get("ids", [None] * len(genomes))
        return [
            Outcome(float(genome), info=number, bound=genome < bar)
            for genome, number in zip(genomes, ids, strict=True)
        ]


TOKENS = 10
"""Tokens of one call of a ``Questioner``."""


@dataclass(frozen=True)
class Questioner:
    """A problem that asks a model twice per genome; a number is its own fitness.

    The calls go through the run's ledger, but there is no model.

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
        process: Id of the process that prepared it last.
        times: Number of preparations in that process.
        pause: Seconds that the preparation takes.
    """

    process: int = 0
    times: int = 0
    pause: float = 0.0
    elementwise = True

    def prepare(self) -> None:
        """Store the process id."""
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
    """Return a flow that scores the given genomes in one batch and ends."""
    made = yield from vary(Given(tuple(genomes)), [], len(genomes), seed=0)
    yield from evaluate(made, context=context)
