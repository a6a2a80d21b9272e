"""``evollm run programs``: a task's folder."""

from collections.abc import Callable
from dataclasses import replace

from evollm.llm.base import LanguageModel
from evollm.llm.dry import DryRunModel
from evollm.runtime.budget import Budget
from problems.programs.options import Options, folder_of, settings
from problems.programs.system import EVALUATIONS, Programs, wording


class ProgramsCommand:
    """The command."""

    help = "improve a function's source between two markers of a file"
    options = Options

    def system(self, options: Options, connect: Callable[[], LanguageModel]) -> Programs:
        """Return the system that the options describe; see ``evollm.cli.commands.Command``."""
        chosen = settings(options)
        words = None if options.wording is None else wording(options.wording)
        found = Programs.of(
            folder_of(options),
            about=options.about,
            limits=options.limits,
            wording=words,
            settings=chosen,
        )
        if not chosen.asks:
            found.flow(0)
            return _with_target(found, options)
        replace(found, model=DryRunModel("", None)).flow(0)  # refuses options before connecting
        return _with_target(replace(found, model=connect()), options)


COMMAND = ProgramsCommand()


def _with_target(system: Programs, options: Options) -> Programs:
    budget = Budget(evaluations=EVALUATIONS, target=options.target)
    object.__setattr__(system, "budget", budget)
    return system
