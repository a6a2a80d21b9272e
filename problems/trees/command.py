"""``evollm run trees``: LLEGO and its controls on a data set, or on a CSV file of one's own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from evollm.cli.commands import Plan
from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel
from evollm.llm.dry import DryRunModel
from evollm.runtime.budget import Budget
from evollm.types import Individual
from operators.trees.line import write
from problems.trees.data.case import told
from problems.trees.model.fitness import TreeFitness
from problems.trees.options import Options, case_of, settings
from problems.trees.present.report import report
from problems.trees.prompt_words import described
from problems.trees.system import GENERATIONS, LLEGO


class Trees:
    """The command."""

    help = "grow decision trees for a table: LLEGO and its controls"
    options = Options

    def plan(self, options: Options, connect: Callable[[], LanguageModel], seed: int) -> Plan:
        """Prepare a search; see ``evollm.cli.commands.Command``."""
        chosen = settings(options)
        case, names = case_of(options)
        problem = case.problem
        front = names if len(names) > 1 else ()
        words = described(case.table)

        def system(model: LanguageModel | None) -> LLEGO:
            return LLEGO(problem, chosen, model, case.task, words, front)

        if chosen.asks:  # what does not go together is refused before a model is looked for
            system(DryRunModel("", None)).flow(seed)
        ready = system(connect() if chosen.asks else None)
        return Plan(
            ready.flow(seed),
            problem,
            Budget(generations=GENERATIONS),
            value=partial(_value, names[0]),
            show=partial(_show, problem),
            report=partial(report, case, ready),
            label=f"training {names[0].replace('_', ' ')}",
        )


COMMAND = Trees()


def _value(name: str, fitness: float) -> str:
    return f"{told(name, fitness):.6g}"


def _show(problem: TreeFitness, individual: Individual[Any]) -> str:
    """Write a tree as one line, its leaves as they were fitted."""
    try:
        return write(problem.fit(individual.genome).tree, problem.columns, digits=None)
    except EvollmError as error:
        return f"no tree ({error})"
