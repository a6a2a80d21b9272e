"""``evollm run trees``: LLEGO and its controls on a data set or a CSV file."""

from typing import Any

from evollm.cli.commands import Connect
from evollm.llm.dry import DryRunModel
from problems.trees.options import Options, case_of, settings
from problems.trees.prompt_words import described
from problems.trees.system import LLEGO
from problems.trees.taught.adapters import taught


class Trees:
    """The command."""

    help = "grow decision trees for a table: LLEGO and its controls"
    options = Options

    def system(self, options: Options, connect: Connect) -> LLEGO:
        """Return the system that the options describe; see ``evollm.cli.commands.Command``."""
        chosen = settings(options)
        case, names = case_of(options)
        front = names if len(names) > 1 else ()
        words = described(case.table)

        def prepared(model: Any) -> Any:
            return taught(chosen, model, options.adapter)[1]

        def system(model: Any) -> LLEGO:
            asked, model = taught(chosen, model, options.adapter)
            return LLEGO(case.problem, asked, model, case.task, words, front, case)

        if chosen.asks:  # options that can't be combined are rejected before connecting to a model
            system(DryRunModel("", None)).flow(0)
        return system(connect(prepared) if chosen.asks else None)


COMMAND = Trees()
