"""Choices: the options of ``evollm run trees``, and the settings that they stand for."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

from evollm.checks import at_least, nearest, shared
from evollm.cli.options import Aliases, option
from evollm.errors import EvollmError
from operators.trees.genome import DEEPEST
from problems.trees.data.case import HoldoutTask
from problems.trees.data.tables import Table, Task, from_csv, load
from problems.trees.llego import SHARES, LLEGOSettings
from problems.trees.model.fitness import LeafRule
from problems.trees.model.objectives import CLASSIFICATION, REGRESSION

SIZES = ("size", "depth")


@dataclass(frozen=True)
class Rows:
    """Which rows there are, and what a good tree is.

    Attributes:
        data: A data set's name, or a CSV file, FILE.csv.
        target: Of FILE.csv: the column to predict.
        task: Of FILE.csv: what to do; none to tell from the column.
        separator: Of FILE.csv: what separates cells, or tab; none to find out.
        missing: Of FILE.csv: what stands for a missing value, say '?,-9'; none for ?, NA and, among
            numbers, -; empty cells always do.
        categorical: Of FILE.csv: columns whose numbers are names of categories.
        numeric: Of FILE.csv: columns that must hold numbers.
        split: Which split of the rows, 20/40/40 to train, validate and test; 0 to 4 as in the
            paper.
        zeros_missing: Take zeros for missing where a data set's documentation says so.
        objective: One of balanced_accuracy, accuracy, log_loss or auc; mse or r2; none for the
            first that suits.
        objectives: Several for a Pareto front by NSGA-II, say balanced_accuracy,size,gap; depth,
            too.
        groups: The column whose groups the objective gap tells apart.
        refit_leaves: Let leaves say what their training rows say (ours).
        leaves: What refitted leaves say: what the objective rewards (all classes weigh the same for
            balanced_accuracy), or the class of most rows.
    """

    data: str = option("pima", metavar="NAME")
    target: str | None = option(None, metavar="COLUMN")
    task: Task | None = None
    separator: str | None = option(None, metavar="CHARACTER")
    missing: str | None = option(None, metavar="TEXT,TEXT")
    categorical: str | None = option(None, metavar="COLUMN,COLUMN")
    numeric: str | None = option(None, metavar="COLUMN,COLUMN")
    split: int = 0
    zeros_missing: bool = False
    objective: str | None = option(None, metavar="NAME")
    objectives: str | None = option(None, metavar="NAME,NAME")
    groups: str | None = option(None, metavar="COLUMN")
    refit_leaves: bool = True
    leaves: LeafRule = "objective"


@dataclass(frozen=True)
class Options(LLEGOSettings, Rows):
    """All options: those of ``Rows`` first, then the settings of the search.

    Attributes:
        method: LLEGO; half of it with half classical (mix); one subtree written anew (rewriting,
            ours); or, without a model, genetic programming or random trees. It sets the shares of
            the operators.
    """

    method: Literal["llego", "mix", "rewriting", "classical", "random"] = "llego"

    aliases: ClassVar[Aliases] = {
        "fitness": "show_fitness",
        **dict.fromkeys(("crossover", "mutation", "rewriting", "classical", "random")),
    }


def settings(options: Options) -> LLEGOSettings:
    """Return the settings that the options name.

    Raises:
        EvollmError: If a number is out of range, or two options don't go together.
    """
    at_least(0, options, "split", "temperature", prefix="--")
    if options.max_depth is not None and options.max_depth > DEEPEST:
        raise EvollmError(f"--max-depth must be {DEEPEST} or less, not {options.max_depth}")
    if not (options.tau > 0 and isfinite(options.alpha)):
        raise EvollmError(
            f"--tau must be positive and --alpha finite, not {options.tau} and {options.alpha}"
        )
    if options.method == "rewriting" and (options.mode, options.form) != ("plain", "line"):
        raise EvollmError("--method rewriting needs --mode plain and --form line")
    if options.leaves == "majority" and not options.refit_leaves:
        raise EvollmError(
            "--leaves majority is for leaves that are refitted: leave out --no-refit-leaves or it"
        )
    if options.objectives is not None and (options.offspring or not options.duplicates):
        raise EvollmError(
            "NSGA-II makes as many children as there are trees, and keeps duplicates apart by its "
            "own rule: leave --offspring and --no-duplicates out with --objectives"
        )
    return LLEGOSettings(**shared(options, LLEGOSettings) | dict(SHARES[options.method]))


def table_of(options: Options) -> Table:
    """Return the rows that are meant.

    Raises:
        EvollmError: If there are none, or an option is for rows of the other kind.
    """
    if options.data.lower().endswith((".csv", ".tsv")):
        if options.target is None:
            raise EvollmError(f"say which column of {options.data} to predict: --target COLUMN")
        if options.zeros_missing:
            raise EvollmError(
                "--zeros-missing is for data sets by name: leave cells empty where a value is "
                f"missing in {options.data}"
            )
        return from_csv(
            options.data,
            options.target,
            options.task,
            separator=options.separator,
            missing=None if options.missing is None else _listed(options.missing),
            categorical=_listed(options.categorical),
            numeric=_listed(options.numeric),
        )
    try:
        table = load(options.data, zeros_missing=options.zeros_missing)
    except EvollmError as error:
        more = "" if "installed" in str(error) else "; or give your own FILE.csv"
        raise EvollmError(f"{error}{more}") from None
    if options.target not in (None, table.target) or options.task not in (None, table.task):
        raise EvollmError(
            f"{table.name} is a {table.task} of {table.target}: --target and --task are for "
            "your own FILE.csv"
        )
    for name in ("separator", "missing", "categorical", "numeric"):
        if getattr(options, name) is not None:
            raise EvollmError(f"--{name} is for your own FILE.csv: {table.name} is read as it is")
    return table


def _listed(names: str | None) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()] if names else []


def aims(options: Options, table: Table) -> tuple[str, ...]:
    """Return the names of the objectives; the first one is the fitness.

    Raises:
        EvollmError: If one is unknown or does not suit the task, or they don't go together.
    """
    quality = tuple(CLASSIFICATION if table.classes else REGRESSION)
    if options.objectives is None:
        found = [options.objective or quality[0]]
        _known("objective", found, quality, table)
        return tuple(found)
    if options.objective is not None:
        raise EvollmError("give --objective or --objectives, not both: the first one is fitness")
    found = [name.strip() for name in options.objectives.split(",")]
    _known("objectives", found, (*quality, "gap", *SIZES), table)
    if len(found) < 2 or len(set(found)) < len(found) or found[0] not in quality:
        raise EvollmError(
            f"--objectives must be two or more different ones, the first of {', '.join(quality)}, "
            f"not {options.objectives}"
        )
    return tuple(found)


def _known(name: str, found: list[str], known: tuple[str, ...], table: Table) -> None:
    for one in found:
        if one not in known:
            raise EvollmError(
                f"--{name} of a {table.task} can't be '{one}'{nearest(one, list(known))}"
            )


def case_of(options: Options) -> tuple[HoldoutTask, tuple[str, ...]]:
    """Return the rows, split and with the problem, and the objectives of the search.

    Raises:
        EvollmError: As ``table_of`` and ``aims``; or if there are no groups for a gap.
    """
    table = table_of(options)
    names = aims(options, table)
    if ("gap" in names) != (options.groups is not None):
        labelled = [feature.name for feature in table.features if feature.categories]
        apt = [name for name in table.sensitive if name in labelled]
        such = f", say {apt[0]}" if apt else ""
        raise EvollmError(
            f"the objective gap and --groups COLUMN{such} go together: give both or neither"
        )
    scored = [name for name in names if name not in SIZES]
    case = HoldoutTask.of(
        table,
        scored,
        seed=options.split,
        groups=options.groups,
        refit_leaves=options.refit_leaves,
        leaves=options.leaves,
    )
    return case, names
