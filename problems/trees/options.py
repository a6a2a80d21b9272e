"""Options: the options of ``evollm run trees``, and the settings they determine."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

from evollm.checks import at_least, nearest, shared
from evollm.cli.options import Aliases, option
from evollm.cli.used import check_used
from evollm.errors import EvollmError
from operators.trees.genome import DEEPEST
from problems.trees.data.case import HoldoutTask
from problems.trees.data.tables import Table, Task, from_csv, load
from problems.trees.llego import SHARES, LLEGOSettings
from problems.trees.model.fitness import LeafRule
from problems.trees.model.objectives import CLASSIFICATION, REGRESSION
from problems.trees.taught.adapters import NONE

SIZES = ("size", "depth")


@dataclass(frozen=True)
class Rows:
    """The rows, and the objectives.

    Attributes:
        data: A data set's name, or a CSV file, FILE.csv.
        target: For FILE.csv: the column to predict.
        task: For FILE.csv: the task; none to infer it from the target.
        separator: For FILE.csv: the separator of cells, or tab; none to detect it.
        missing: For FILE.csv: marks of missing values in addition to empty cells, such as '?,-9';
            none for ?, NA and, among numbers, -.
        categorical: For FILE.csv: columns of numbers that are categories.
        numeric: For FILE.csv: columns that must contain numbers.
        split: Seed of the split into 20/40/40% training, validation and test rows; 0 to 4 as in the
            paper.
        zeros_missing: Treat zeros as missing if a data set's documentation says so.
        objective: One of balanced_accuracy, accuracy, log_loss or auc; mse or r2; none for the
            first suitable one.
        objectives: Several objectives for a Pareto front by NSGA-II, such as
            balanced_accuracy,size,gap; also depth.
        groups: The column whose groups the objective gap compares.
        refit_leaves: Fit leaves to their training rows (ours).
        leaves: What refitted leaves predict: the class that the objective rewards (all classes have
            the same weight for balanced_accuracy), or the class of most rows.
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
        method: LLEGO; half LLEGO and half classical (mix); rewriting of one subtree (rewriting,
            ours); or, without a model, genetic programming (classical) or random trees (random). It
            sets the shares of the operators.
        adapter: What the model was taught: default for the adapter of the package; the GGUF file or
            the folder of one that evollm tune trees wrote; or none. It sets --hints 8, --spare 0
            and --no-semantics.
    """

    method: Literal["llego", "mix", "rewriting", "classical", "random"] = "llego"
    adapter: str = option(NONE, metavar="PATH")

    aliases: ClassVar[Aliases] = {
        "fitness": "show_fitness",
        **dict.fromkeys(("crossover", "mutation", "rewriting", "classical", "random")),
    }


_ASKED = ("arity", "brood", "semantics", "hints", "form", "mode", "hold", "temperature")
_LLEGO = (
    *_ASKED,
    "alpha",
    "tau",
    "candidates",
    "spare",
    "per_token",
    "fitness",
    "order",
    "adapter",
)
USED = {"llego": _LLEGO, "mix": _LLEGO, "rewriting": _ASKED}
"""The fields that have an effect with a method that asks a model."""


def settings(options: Options) -> LLEGOSettings:
    """Return the settings that the options name.

    Raises:
        EvollmError: If a number is out of range, or two options can't be combined.
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
    if options.start != "model":
        check_used(options, "method", USED)
    if options.leaves == "majority" and not options.refit_leaves:
        raise EvollmError("--leaves majority needs refitted leaves: remove it or --no-refit-leaves")
    if options.objectives is not None and (options.offspring or not options.duplicates):
        raise EvollmError(
            "NSGA-II has its own number of children and rule for duplicates: remove --offspring "
            "and --no-duplicates with --objectives"
        )
    return LLEGOSettings(**shared(options, LLEGOSettings) | dict(SHARES[options.method]))


def table_of(options: Options) -> Table:
    """Return the table that the options name.

    Raises:
        EvollmError: If there is no such table, or an option is for the other kind of table.
    """
    if options.data.lower().endswith((".csv", ".tsv")):
        if options.target is None:
            raise EvollmError(f"give the column of {options.data} to predict: --target COLUMN")
        if options.zeros_missing:
            raise EvollmError(
                "--zeros-missing is only for data sets by name: leave the cells of missing values "
                f"empty in {options.data}"
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
            f"--target and --task are only for your own FILE.csv: {table.name} is a {table.task} "
            f"of {table.target}"
        )
    for name in ("separator", "missing", "categorical", "numeric"):
        if getattr(options, name) is not None:
            raise EvollmError(
                f"--{name} is only for your own FILE.csv, not for {table.name}: remove it"
            )
    return table


def _listed(names: str | None) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()] if names else []


def aims(options: Options, table: Table) -> tuple[str, ...]:
    """Return the names of the objectives; the first one is the fitness.

    Raises:
        EvollmError: If one is unknown or unsuitable for the task, or they can't be combined.
    """
    quality = tuple(CLASSIFICATION if table.classes else REGRESSION)
    if options.objectives is None:
        found = [options.objective or quality[0]]
        _known("objective", found, quality, table)
        return tuple(found)
    if options.objective is not None:
        raise EvollmError(
            "give --objective or --objectives, not both: the first of --objectives is the fitness"
        )
    found = [name.strip() for name in options.objectives.split(",")]
    _known("objectives", found, (*quality, "gap", *SIZES), table)
    if len(found) < 2 or len(set(found)) < len(found) or found[0] not in quality:
        raise EvollmError(
            "--objectives must be two or more different ones, the first one of "
            f"{', '.join(quality)}, not {options.objectives}"
        )
    return tuple(found)


def _known(name: str, found: list[str], known: tuple[str, ...], table: Table) -> None:
    for one in found:
        if one not in known:
            raise EvollmError(
                f"--{name} of a {table.task} can't be '{one}'{nearest(one, list(known))}"
            )


def case_of(options: Options) -> tuple[HoldoutTask, tuple[str, ...]]:
    """Return the split rows with the problem, and the objectives of the search.

    Raises:
        EvollmError: As for ``table_of`` and ``aims``; or if the objective gap has no groups.
    """
    table = table_of(options)
    names = aims(options, table)
    if ("gap" in names) != (options.groups is not None):
        labelled = [feature.name for feature in table.features if feature.categories]
        apt = [name for name in table.sensitive if name in labelled]
        such = f", such as {apt[0]}" if apt else ""
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
