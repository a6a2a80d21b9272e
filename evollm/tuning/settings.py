"""How a model is trained."""

from dataclasses import dataclass
from math import inf
from typing import Literal

from evollm.checks import at_least, positive
from evollm.errors import EvollmError

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How an adapter is trained.

    The first steps are small, in float32 and with a fixed rate, so that any machine can repeat
    their losses; the others use the given batch and precision, and the rate falls to 0 as the time
    or the steps run out.

    Attributes:
        minutes: How long to train; 0 for as long as the steps take.
        steps: Most steps; None for as many as the time allows.
        rank: Of the adapter's matrices.
        alpha: Strength of the adapter, in ranks.
        rate: Largest learning rate.
        batch: Examples per step.
        warmup: Steps in which the rate rises.
        precision: In which the model computes; the adapter itself is in float32.
        validate: Examples to validate on.
        every: Minutes between two validations and checkpoints.
        seed: Of the adapter's first values and of the examples.
        workers: Processes that make examples.
    """

    minutes: float = 20.0
    steps: int | None = None
    rank: int = 8
    alpha: float = 2.0
    rate: float = 1e-3
    batch: int = 16
    warmup: int = 50
    precision: Precision = "float32"
    validate: int = 256
    every: float = 2.0
    seed: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        positive(
            rank=self.rank,
            batch=self.batch,
            steps=self.steps,
            validate=self.validate,
            workers=self.workers,
        )
        at_least(0, self, "minutes", "rate", "warmup", "every", "seed")
        if self.minutes == inf:
            raise EvollmError("minutes must be finite: give 0 and steps for no limit of time")
        for name in ("alpha", "rate"):
            value = getattr(self, name)
            if not 0 < value < inf:
                raise EvollmError(f"{name} must be more than 0 and finite, not {value}")
        if not self.minutes and self.steps is None:
            raise EvollmError("a training of 0 minutes needs another limit: give minutes or steps")
