"""Programs: the search for a better block of a program."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from evollm import Budget, Individual, Result
from evollm.algorithms import Mating, generational, islands, map_elites
from evollm.algorithms.selection import tournament, uniform
from evollm.checks import at_least, nearest, positive
from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel, Sampling
from evollm.paths import anchored
from evollm.report.page import Report
from evollm.search.fingerprint import describe
from evollm.search.flow import Flow
from evollm.search.search import Search
from evollm.system import System
from evollm.types import JSON, Operator
from evollm.units import Units
from operators.programs.holding import SAMPLING, HeldExpressions
from operators.programs.prompting import Form, ProgramEdits
from operators.programs.variation import GivenPrograms, MutateSource
from operators.programs.wording import PLACES, Wording
from problems.programs.folder import Task, read
from problems.programs.sandbox.judge import SCORE
from problems.programs.sandbox.limits import Limits
from problems.programs.scoring import ScoredPrograms
from problems.programs.selecting import (
    Shown,
    any_that_work,
    best_and_latest_failure,
    kinds,
)

EVALUATIONS = 100
"""Default number of evaluations."""
_METHODS = ("model", "expressions", "mutation", "random")


@dataclass(frozen=True, slots=True)
class ProgramsSettings:
    """Settings of the search.

    Attributes:
        method: Who edits programs: the ``model``; for Python a model that writes one expression
            at a time, held to a grammar (``expressions``); or without a model random changes of
            expressions (``mutation``), also without any selection (``random``).
        search: ``map_elites`` keeps the best program of each kind, ``islands`` several populations
            whose best migrate.
        children: Children per generation, with islands per island, where it is also the size.
        islands: Number of islands.
        every: Generations between migrations.
        features: For MAP-Elites: what makes a kind: length, loops, METRIC:LOW:HIGH.
        beside: Number of other programs that a prompt shows, the latest failure among them.
        repair: How often the latest failure is the program to change.
        form: What the model is asked for: edits (diff) or the whole block (rewrite); both are read.
        rounds: How often the model is asked in place of an unusable answer, the first time
            included.
        edits: For mutation and random: most changes per child.
        temperature: Sampling temperature.
        max_tokens: Most generated tokens of the model's edits; a longer answer is rejected.
    """

    method: Literal["model", "expressions", "mutation", "random"] = "model"
    search: Literal["map_elites", "islands"] = "map_elites"
    children: int = 4
    islands: int = 4
    every: int = 5
    features: str = "length,loops"
    beside: int = 3
    repair: float = 0.2
    form: Form = "diff"
    rounds: int = 2
    edits: int = 3
    temperature: float = 0.8
    max_tokens: int = 4096

    def __post_init__(self) -> None:
        names = ("children", "islands", "every", "rounds", "edits", "max_tokens")
        positive(**{name: getattr(self, name) for name in names})
        at_least(0, self, "beside", "repair", "temperature")
        choices = (
            ("method", _METHODS),
            ("search", ("map_elites", "islands")),
            ("form", ("diff", "rewrite")),
        )
        for name, known in choices:
            if getattr(self, name) not in known:
                raise EvollmError(
                    f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}"
                )
        if self.repair > 1:
            raise EvollmError(f"repair must be 1 or less, not {self.repair}")

    @property
    def asks(self) -> bool:
        """Whether a model edits programs."""
        return self.method in ("model", "expressions")


@dataclass(frozen=True)
class Programs(System[str]):
    """A block of a program, evolved by a language model that sees scores, feedback and failures.

    Attributes:
        problem: Scores programs.
        settings: Settings of the search.
        model: The language model; None for the one named in the environment, or the small offline
            model, which is too weak to write code well.
        wording: The texts of the prompts; None for those of the package.
    """

    problem: ScoredPrograms
    settings: ProgramsSettings = field(default_factory=ProgramsSettings)
    model: LanguageModel | None = None
    wording: Wording | None = None
    budget: ClassVar[Budget] = Budget(evaluations=EVALUATIONS)  # type: ignore[misc]
    units: ClassVar[Mapping[str, Units]] = {"fitness": Units(SCORE)}  # type: ignore[misc]

    @classmethod
    def of(
        cls,
        folder: str | Path,
        *,
        model: LanguageModel | None = None,
        about: str | None = None,
        limits: Limits | None = None,
        wording: Wording | None = None,
        settings: ProgramsSettings | None = None,
    ) -> "Programs":
        """Return the search for a task's folder; see ``problems.programs.folder.read``.

        Args:
            folder: The task's folder.
            model: The language model; see ``Programs``.
            about: Description of the task, in place of that in the folder.
            limits: What one evaluation may use.
            wording: The texts of the prompts.
            settings: Settings of the search.

        Raises:
            EvollmError: If the folder is not a task.
        """
        problem = ScoredPrograms(read(folder, about), limits or Limits())
        return cls(problem, settings or ProgramsSettings(), model, wording)

    @property
    def task(self) -> Task:
        """The task."""
        return self.problem.task

    @property
    def opening(self) -> str:  # type: ignore[override]
        """The task, and what the platform can't take away from programs."""
        from problems.programs.report import opening

        return opening(self)

    def flow(self, seed: int) -> Flow | Search:
        """Return the search."""
        chosen = self.settings
        start = GivenPrograms((self.task.block,))
        size = chosen.children
        if chosen.method == "random":
            drift = Mating(self.editor(), uniform, arity=1)
            key = self.task.frame.key
            return generational(
                start, drift, size=4 * size, offspring=size, seed=seed,
                survivors=any_that_work, key=key,
            )  # fmt: skip
        asking = chosen.asks
        arity = 1 + chosen.beside if asking else 1
        repair = chosen.repair if asking else 0.0
        if chosen.search == "islands":
            mating = Mating(self.editor(), Shown(repair, tournament(2)), arity)
            return islands(
                start, mating, size=size, seed=seed, lanes=chosen.islands, every=chosen.every,
                survivors=best_and_latest_failure, key=self.task.frame.key,
            )  # fmt: skip
        mating = Mating(self.editor(), Shown(repair, uniform), arity)
        kind = kinds(chosen.features, self.task.frame)
        return map_elites(start, mating, kind, size=size, seed=seed, key=self.task.frame.key)

    def editor(self) -> Operator[str]:
        """Return the operator that edits programs.

        Raises:
            EvollmError: If there is no model and the program is not in Python.
        """
        chosen, frame = self.settings, self.task.frame
        if not chosen.asks:
            return MutateSource(frame, chosen.edits)
        model = self.model
        if model is None:
            from evollm.llm.connect import connect

            model = connect()
        if chosen.method == "expressions":
            held = replace(SAMPLING, temperature=chosen.temperature)
            return HeldExpressions(model, frame, held, chosen.rounds)
        sampling = Sampling(temperature=chosen.temperature, max_tokens=chosen.max_tokens)
        words = self.wording or wording()
        return ProgramEdits(
            model, frame, words, self.task.about, chosen.form, sampling, chosen.rounds
        )

    def source(self, individual: Individual[Any]) -> str:
        """Return the whole program with an individual's block."""
        return self.task.frame.whole(individual.genome)

    def write(self, individual: Individual[str]) -> str:
        """Return a program in a few words; ``export`` writes it."""
        lines = len(individual.genome.splitlines())
        return f"{lines} lines ({self.task.frame.key(individual.genome)[:8]})"

    def report(self, result: Result[str]) -> Report:
        """Return the overview with what changed from the initial program to the best one."""
        from problems.programs.report import report

        return report(self, result)

    def export(self, result: Result[str], folder: Path) -> list[Path]:
        """Write the best program, and its differences from the initial one."""
        from problems.programs.report import files

        return files(self, result, folder)

    def controls(self) -> dict[str, "Programs"]:
        """Return random changes of expressions with and without selection, for Python."""
        if not self.task.frame.python:
            return {}
        ways: dict[str, Literal["mutation", "random"]] = {
            "mutation without a model": "mutation",
            "random edits": "random",
        }
        return {
            title: replace(self, settings=replace(self.settings, method=method), model=None)
            for title, method in ways.items()
        }

    def config(self, seed: int) -> dict[str, JSON]:
        """Return the settings, the limits and the task's name."""
        limits = describe(self.problem.limits)
        own = {"settings": describe(self.settings), "limits": limits}
        return {"seed": seed, "task": self.task.name, **own}


def wording(file: str | Path | None = None) -> Wording:
    """Return the texts of the prompts.

    Args:
        file: A TOML file with texts that replace those of the package; None for these.

    Raises:
        EvollmError: If the file can't be read or has an unknown text.
    """
    own = Path(__file__).with_name("wording.toml")
    texts: dict[str, Any] = tomllib.loads(own.read_text(encoding="utf-8"))
    if file is None:
        return Wording(**texts)
    try:
        more = tomllib.loads(anchored(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise EvollmError(f"the wording {file} can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EvollmError(f"{file} is not a TOML file: {error}") from None
    for name in more:
        if name not in PLACES:
            raise EvollmError(f"there is no wording '{name}' in {file}{nearest(name, PLACES)}")
    return Wording(**texts | more)
