"""Holdout tasks: a table split in three parts, with the problem on its training rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError
from operators.trees.genome import Tree
from operators.trees.line import number
from problems.trees.data.samples import Samples
from problems.trees.data.tables import Table, split
from problems.trees.model.fitness import LeafRule, TreeFitness
from problems.trees.prompt_words import columns_of

GROUPS = 10
"""Maximum number of distinct values of a numeric column that defines groups."""
PARTS = ("train", "valid", "test")
COSTS = ("mse", "log_loss", "gap")
"""Objectives that are negated so that larger is better; users know them without the sign."""


@dataclass(frozen=True, eq=False)
class HoldoutTask:
    """A table with the rows for the search and those held out.

    Attributes:
        table: All rows.
        problem: Scores trees on the training rows, and on the validation rows for the final choice.
        test: The held-out test rows.
    """

    table: Table
    problem: TreeFitness
    test: Samples

    @classmethod
    def of(
        cls,
        table: Table,
        objectives: Sequence[str],
        *,
        seed: int = 0,
        groups: str | None = None,
        refit_leaves: bool = True,
        leaves: LeafRule = "objective",
    ) -> "HoldoutTask":
        """Split a table's rows in the paper's proportions.

        Args:
            table: The rows.
            objectives: As in ``TreeFitness``.
            seed: Seed of the split; 0 to 4 are the paper's five.
            groups: The column whose values are the groups of the objective ``gap``.
            refit_leaves: As in ``TreeFitness``.
            leaves: As in ``TreeFitness``.

        Raises:
            EvollmError: If there are too few rows, or the column does not define groups.
        """
        parts = split(table, seed)
        codes = None if groups is None else _groups(table, groups)
        train, valid, test = (
            Samples.of(table.X[rows], table.y[rows], groups=None if codes is None else codes[rows])
            for rows in (parts.train, parts.valid, parts.test)
        )
        columns = columns_of(table, parts.train)
        problem = TreeFitness(columns, train, valid, tuple(objectives), refit_leaves, leaves)
        return cls(table, problem, test)

    @property
    def task(self) -> str:
        """Description of the task for a model."""
        table = self.table
        if table.task == "classification":
            return table.context or f"Predict {table.target}."
        facts = [table.target_description, table.target_unit, _range(self.problem.train.y)]
        details = ", ".join(fact for fact in facts if fact and fact != table.target)
        return f"{table.context} Predict {table.target}: {details}.".strip()

    def scores(self, tree: Tree) -> dict[str, dict[str, float]]:
        """Return a tree's objectives on each of the three parts; see ``user_value``.

        Raises:
            EvollmError: If it is not a tree over the columns, or an objective fails.
        """
        found: dict[str, dict[str, float]] = {}
        for part, samples in (("valid", self.problem.valid), ("test", self.test)):
            [outcome] = replace(self.problem, valid=samples).evaluate([tree], None, 0)
            if outcome.error is not None:
                raise EvollmError(f"the tree can't be scored: {outcome.error}")
            names = [name for name in outcome.metrics if f"valid_{name}" in outcome.metrics]
            found["train"] = {name: user_value(name, outcome.metrics[name]) for name in names}
            found[part] = {
                name: user_value(name, outcome.metrics[f"valid_{name}"]) for name in names
            }
        return {part: found[part] for part in PARTS}


def user_value(name: str, value: float) -> float:
    """Return an objective as users know it: losses and gaps are positive."""
    return 0.0 - value if name in COSTS else value


def _groups(table: Table, name: str) -> NDArray[np.float64]:
    """Return the codes of a column's groups; rows without a value form a group as well."""
    known = [feature.name for feature in table.features]
    headings = [feature.description for feature in table.features]
    if name not in known and name not in headings:
        raise EvollmError(f"{table.name} has no column {name!r} for groups{nearest(name, known)}")
    at = known.index(name) if name in known else headings.index(name)
    codes = table.X[:, at]
    count = len(np.unique(codes))
    if not table.features[at].categories and count > GROUPS:
        raise EvollmError(
            f"column {name!r} has {count} different numbers: groups need a column of categories, "
            f"or of at most {GROUPS} numbers"
        )
    return codes


def _range(values: NDArray[np.float64]) -> str:
    return f"{number(float(values.min()))} to {number(float(values.max()))}"


def plain(scores: Mapping[str, float]) -> dict[str, float | None]:
    """Return scores for JSON, with None for NaN."""
    return {name: value if np.isfinite(value) else None for name, value in scores.items()}
