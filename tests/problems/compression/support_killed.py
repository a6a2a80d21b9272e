"""A search that kills itself: ``python -m tests.problems.compression.support_killed``.

Its arguments are the run directory, the folder of the model and its text, and the stage that kills
it: ``search`` or ``measure``, or nothing. It appends a line to ``stages`` beside the directory for
each stage that it scores.
"""

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from evollm import Result
from evollm.types import JSON, Outcome
from problems.compression.fitness import HELD_OUT, CompressedModel
from problems.compression.layout import Genome
from problems.compression.system import EvoPress
from tests.problems.compression.support_search import KINDS, SMALL, Made

STAGE = {"search": 5, "measure": 1}
"""Which of the stages of its kind kills, counted from 1."""


@dataclass(frozen=True)
class Mortal(CompressedModel):
    """Kills its process at a stage."""

    victim: ClassVar[str] = ""
    seen: ClassVar[Path] = Path()

    def evaluate(
        self,
        genomes: Sequence[Genome],
        fidelity: int | None,
        seed: int,
        context: Mapping[str, JSON] | None = None,
    ) -> Iterator[Outcome]:
        """Note the stage, or die of it."""
        phase = "measure" if fidelity == HELD_OUT else "search"
        with self.seen.open("a") as file:
            file.write(f"{phase}\n")
        count = self.seen.read_text().split().count(phase)
        if phase == self.victim and count == STAGE[phase]:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from super().evaluate(genomes, fidelity, seed, context)


class MortalSearch(EvoPress):
    """A search with a mortal problem."""

    @cached_property
    def problem(self) -> Mortal:  # type: ignore[override]
        """The same problem, but mortal."""
        made = super().problem
        return Mortal(**{item.name: getattr(made, item.name) for item in fields(made)})


def searched(folder: Path, made: Made, victim: str = "") -> tuple[EvoPress, Result[Genome]]:
    """Run the search, or run it on."""
    Mortal.victim, Mortal.seen = victim, folder.with_name("stages")
    system = MortalSearch(made.model, KINDS["depth"], schedule=SMALL, text=made.text, check=False)
    return system, system.run(seed=1, path=folder)


if __name__ == "__main__":
    searched(Path(sys.argv[1]), Made(Path(sys.argv[2])), sys.argv[3])
