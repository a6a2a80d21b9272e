"""A recorded run whose every text is hostile to the page that shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evollm import Budget, Offspring, System, Units
from evollm.algorithms import Mating, generational
from evollm.llm.scripted import Scripted
from evollm.search.flow import Flow
from evollm.system import run_system
from evollm.types import Individual, Parent

SCRIPT = (
    "</script></pre><script>window.hurt = true</script><img src=x onerror='window.hurt = true'>"
)
QUOTES = '"\'><b onmouseover="window.hurt = true">&lt;&#60;{{7*7}}${7*7}'
MARKS = "\x00\x08 \u202ereversed\u2066 \u2028"
HALF = "\ud800"  # of a surrogate pair, which only an answer can hold
EVIL = SCRIPT + QUOTES + MARKS
HUGE = EVIL + "<long> " * 10_000


@dataclass(frozen=True)
class Start:
    """Makes texts that begin the search."""

    name: str = f"start {SCRIPT}"

    def vary(self, parents: Sequence[Parent[str]], n: int, seed: int) -> Offspring[str]:
        return Offspring([f"{i} {EVIL}" for i in range(n)])


@dataclass(frozen=True)
class Asking:
    """Makes children of a model's answers."""

    model: Scripted
    name: str = f"asking {QUOTES}"

    def vary(self, parents: Sequence[Parent[str]], n: int, seed: int) -> Offspring[str]:
        prompts = [f"{seed + i} {HUGE} {parents[0].genome}" for i in range(n)]
        answers = [found[0] for found in self.model.complete(prompts)]
        genomes = [one.text.replace(HALF, "")[:300] for one in answers]
        rejected = {f"rejected {SCRIPT}": 1}
        calls = [(one.key,) for one in answers]
        return Offspring(genomes, calls=calls, rejected=rejected)


class Hostile(System[str]):
    """Looks for texts; some of them fail with an error as hostile as they are."""

    units: Mapping[str, Units] = {"fitness": Units(f"value {SCRIPT}", unit=QUOTES, maximize=False)}

    def __init__(self) -> None:
        self.model = Scripted(
            lambda prompt, sample, sampling: f"{len(prompt)} {HALF}{HUGE}", SCRIPT
        )
        self.seen = 0

    def problem(self, genome: str) -> float:
        self.seen += 1
        if self.seen % 7 == 3:
            raise ValueError(SCRIPT)
        return float(self.seen)

    def flow(self, seed: int) -> Flow:
        return generational(
            Start(), Mating(Asking(self.model), arity=2, brood=2), size=6, seed=seed
        )

    def write(self, individual: Individual[Any]) -> str:
        return f"text {individual.genome}"


def recorded(path: Path) -> Path:
    """Record the run."""
    config = {"note": EVIL, SCRIPT: {"inner": QUOTES}}
    run_system(Hostile(), Budget(evaluations=30), path=path, config=config)
    return path
