"""``evollm run expressions``: symbolic regression of a published function or a CSV file."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evollm.checks import shared
from evollm.llm.base import LanguageModel
from evollm.llm.dry import DryRunModel
from problems.expressions.options import Options
from problems.expressions.settings import ExpressionSettings

if TYPE_CHECKING:
    from problems.expressions.system import SymbolicRegression


class Expressions:
    """The command."""

    help = "find a formula for numbers: genetic programming, a model, or both"
    options = Options

    def system(
        self, options: Options, connect: Callable[[], LanguageModel]
    ) -> "SymbolicRegression":
        """Return the system that the options describe; see ``evollm.cli.commands.Command``."""
        if not options.asks:
            return _system(options, None)
        _system(options, DryRunModel("", None)).flow(0)  # rejects options before connecting
        return _system(options, connect())


COMMAND = Expressions()


def _system(options: Options, model: LanguageModel | None) -> "SymbolicRegression":
    from problems.expressions.system import SymbolicRegression

    settings = ExpressionSettings(**shared(options, ExpressionSettings))
    found = _function(options) if options.data is None else _file(options)
    return SymbolicRegression.of(settings=settings, model=model, task=options.task, **found)


def _function(options: Options) -> dict[str, Any]:
    """Return the rows of a published function."""
    from problems.expressions.benchmarks import benchmark

    chosen = benchmark(options.function)
    train, test = chosen.rows(options.rows)
    text = (
        f"{options.function}: {chosen.text}, {len(train.y)} training rows, {len(test.y)} test rows"
    )
    return {
        "X": train.X,
        "y": train.y,
        "names": chosen.variables,
        "target": "f",
        "test": test,
        "opening": text,
    }


def _file(options: Options) -> dict[str, Any]:
    """Return the rows of a file, split at random."""
    import numpy as np

    from problems.expressions.fitness import Rows
    from problems.expressions.table import from_csv

    assert options.data is not None
    assert options.target is not None
    table = from_csv(options.data, options.target)
    order = np.random.default_rng(options.rows).permutation(len(table.y))
    count = min(round(options.test * len(order)), len(order) - 1)
    test, train = np.sort(order[:count]), np.sort(order[count:])
    text = f"{options.data}: {len(train)} training rows, {count} test rows"
    return {
        "X": table.X[train],
        "y": table.y[train],
        "names": table.names,
        "target": table.target,
        "test": Rows.of(table.X[test], table.y[test]) if count else None,
        "opening": text,
    }
