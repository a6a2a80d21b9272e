"""A search for prompts that kills itself: ``python -m tests.problems.prompts.support_killed``.

Its arguments are the run directory and the set of examples whose second prompt kills it; without
the latter it ends. It appends a line to ``reads`` beside the directory for each prompt read.
"""

import os
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from evollm import Budget, Result
from problems.prompts.methods.evolution import Evolution
from problems.prompts.readers.reader import Scores, Text
from problems.prompts.system import PromptQuine
from problems.prompts.tokens import Mask
from tests.problems.prompts.support_words import Moody, system

FIRST = {"search": 0, "select": 8, "test": 16}
"""The number of the first example of each set."""


@dataclass
class Mortal(Moody):
    """Kills its process at the second prompt on a set of examples."""

    victim: ClassVar[str] = ""
    reads: ClassVar[Path] = Path()

    def scores(self, texts: Sequence[Text], words: Sequence[str], before: str) -> Scores:
        """Note what is read, or die of it."""
        day = int(re.findall(r"day (\d+)", str(texts[0]))[0])
        phase = max((first, name) for name, first in FIRST.items() if first <= day)[1]
        with self.reads.open("a") as file:
            file.write(f"{phase}\n")
        if phase == self.victim and self.reads.read_text().split().count(phase) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().scores(texts, words, before)


def searched(folder: Path, victim: str = "") -> tuple[PromptQuine, Result[Mask]]:
    """Run the search, or run it on."""
    Mortal.victim, Mortal.reads = victim, folder.with_name("reads")
    chosen = system(Evolution(population=4, offspring=6, min_length=3), reader=Mortal())
    return chosen, chosen.run(Budget(evaluations=20), seed=1, path=folder)


if __name__ == "__main__":
    searched(Path(sys.argv[1]), sys.argv[2])
