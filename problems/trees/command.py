"""``evollm run trees``: LLEGO and its controls on a data set, or on a CSV file of one's own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from evollm.budget import Budget
from evollm.command import Plan
from evollm.llm.base import LanguageModel
from evollm.llm.dry import Dry
from evollm.types import EvollmError, Individual
from operators.tree_text import write
from problems.trees.case import told
from problems.trees.choices import Options, case_of, settings
from problems.trees.fitness import TreeFitness
from problems.trees.report import report
from problems.trees.system import GENERATIONS, LLEGO
from problems.trees.words import described


class Trees:
    """The command."""

    help = "grow decision trees for a table: LLEGO and its controls"
    options = Options

    def plan(self, options: Options, connect: Callable[[], LanguageModel], seed: int) -> Plan:
        """Prepare a search; see ``evollm.command.Command``."""
        chosen = settings(options)
        case, names = case_of(options)
        problem = case.problem
        front = names if len(names) > 1 else ()
        words = described(case.table)

        def system(model: LanguageModel | None) -> LLEGO:
            return LLEGO(problem, chosen, model, case.task, words, front)

        if chosen.asks:  # what does not go together is refused before a model is looked for
            system(Dry("", None)).flow(seed)
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
        return write(problem.fit(individual.genome).tree, problem.columns)
    except EvollmError as error:
        return f"no tree ({error})"
