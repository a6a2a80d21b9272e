"""Commands: what a package registers under ``evollm.problems`` to appear in the command line."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from evollm.cli.options import nearest
from evollm.errors import EvollmError
from evollm.runtime.budget import Budget
from evollm.runtime.result import Result
from evollm.search.flow import Flow
from evollm.search.search import Search
from evollm.shadows import PACKAGES, check_shadows
from evollm.types import Individual, Problem

GROUP = "evollm.problems"


def _number(fitness: float) -> str:
    return f"{fitness:.6g}"


def _genome(individual: Individual[Any]) -> str:
    return str(individual.genome)


def _nothing(result: Result[Any]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A search that is ready to run, with the words to report it in.

    Attributes:
        flow: The algorithm.
        problem: What scores.
        budget: What ends the run where the user sets no limit of that kind.
        value: Writes a fitness in the problem's own terms, a loss for one that is minimised.
        show: Writes an individual.
        report: Writes what is special about this system's results; empty if nothing is.
        label: What the values are, for a plot.
    """

    flow: Flow | Search
    problem: Problem[Any] | Callable[[Any], Any]
    budget: Budget = field(default_factory=Budget)
    value: Callable[[float], str] = _number
    show: Callable[[Individual[Any]], str] = _genome
    report: Callable[[Result[Any]], str] = _nothing
    label: str = "fitness"


class Command(Protocol):
    """One problem of the command line.

    Attributes:
        help: One line.
        options: A frozen dataclass whose fields are declared by ``evollm.cli.options.option``.
    """

    help: str
    options: type[Any]

    def plan(self, options: Any, connect: Callable[[], Any], seed: int) -> Plan:
        """Prepare a search.

        Args:
            options: An instance of ``self.options``.
            connect: Returns the language model that the user named; call it only if one is needed.
            seed: Fixes the search.
        """
        ...


def commands() -> dict[str, Command]:
    """Return all registered commands by name, sorted.

    Where evollm runs from a folder that was never installed, the folder's ``pyproject.toml`` says
    what an installation would have registered.
    """
    found = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    project = Path(__file__).parents[2] / "pyproject.toml"
    if project.is_file():
        entries = tomllib.loads(project.read_text()).get("project", {}).get("entry-points", {})
        found = dict(entries.get(GROUP, {})) | found
    return {name: _load(name, where) for name, where in sorted(found.items())}


def _load(name: str, where: str) -> Command:
    """Import what an entry point names."""
    module, _, attribute = where.partition(":")
    if module.split(".")[0] in PACKAGES:
        check_shadows(*PACKAGES)
    try:
        command: Command = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise EvollmError(
            f"the problem '{name}' can't be loaded from {where} ({error}): reinstall its package"
        ) from None
    return command


def command(name: str) -> Command:
    """Return one command.

    Raises:
        EvollmError: If none of that name is registered.
    """
    known: Mapping[str, Command] = commands()
    if name not in known:
        raise EvollmError(f"there is no problem '{name}'{nearest(name, list(known))}")
    return known[name]
