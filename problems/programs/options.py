"""Options: the options of ``evollm run programs``."""

from dataclasses import dataclass, field
from typing import ClassVar

from evollm.checks import shared
from evollm.cli.options import Aliases, option
from evollm.cli.used import check_used
from evollm.errors import EvollmError
from problems.programs.sandbox.limits import Limits
from problems.programs.system import ProgramsSettings


@dataclass(frozen=True)
class TaskOptions:
    """The task.

    Attributes:
        task: The task's folder, with initial_program.* and evaluator.py.
        about: Description of the task for the model, in place of that in the folder.
        wording: A TOML file with texts of the prompts that replace those of the package.
        target: Stop at this score.
        limits: What one evaluation may use.
    """

    task: str | None = option(None, metavar="FOLDER")
    about: str | None = None
    wording: str | None = option(None, metavar="FILE")
    target: float | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Options(ProgramsSettings, TaskOptions):
    """All options: those of the task and the limits first, then the settings of the search."""

    aliases: ClassVar[Aliases] = {
        "limits": "",
        "limits.seconds": "eval-seconds",
        "limits.cpu_seconds": "eval-cpu-seconds",
    }


_SHOWN = ("beside", "repair", "rounds", "temperature")
_SELECTED = ("search", "features", "islands", "every")
METHODS = {
    "model": (*_SELECTED, *_SHOWN, "form", "max_tokens", "wording"),
    "expressions": (*_SELECTED, *_SHOWN),
    "mutation": (*_SELECTED, "edits"),
    "random": ("edits",),
}
"""The fields that have an effect with a method."""
SEARCHES = {"map_elites": ("features",), "islands": ("islands", "every")}
"""The fields that have an effect with a search."""


def settings(options: Options) -> ProgramsSettings:
    """Return the settings of the search that the options name.

    Raises:
        EvollmError: If one would have no effect.
    """
    check_used(options, "method", METHODS)
    check_used(options, "search", SEARCHES)
    return ProgramsSettings(**shared(options, ProgramsSettings))


def folder_of(options: Options) -> str:
    """Return the task's folder.

    Raises:
        EvollmError: If none is named.
    """
    if options.task is None:
        raise EvollmError("name the task's folder: --task FOLDER")
    return options.task
