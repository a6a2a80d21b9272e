"""What a table must be, and splits at their limits."""

import numpy as np
import pytest

from evollm.errors import EvollmError
from problems.trees.data.tables import Feature, Table, split
from tests.support_each import each


def small(y: list[int], classes: tuple[str, ...] = ("a", "b")) -> Table:
    X = np.arange(len(y), dtype=float)[:, None]
    task = "classification" if classes else "regression"
    return Table("small", task, X, np.array(y), (Feature("x"),), "y", classes)  # type: ignore[arg-type]


def test_a_rare_class_is_in_every_part() -> None:
    table = small([0] * 50 + [1] * 5)
    for seed in range(20):
        parts = split(table, seed)
        assert all(1 in table.y[rows] for rows in (parts.train, parts.valid, parts.test))


def test_splits_are_refused_with_the_way_to_fix_it() -> None:
    with pytest.raises(EvollmError, match=r"class 'b' of small has 4 rows.*merge"):
        split(small([0] * 50 + [1] * 4), 0)
    with pytest.raises(EvollmError, match="small has 2 rows, too few"):
        split(small([1, 2], ()), 0)
    with pytest.raises(EvollmError, match="of at least 0, not -1"):
        split(small([0, 1] * 10), -1)


@each(
    ("change", "message"),
    [
        ({"X": np.zeros(4)}, "give rows by columns"),
        ({"y": np.zeros(3)}, "one target per row"),
        ({"features": (Feature("two words"),)}, "'two words' is invalid"),
        ({"features": (Feature("y"),)}, "'y' is invalid"),
        ({"X": np.full((4, 1), np.inf)}, "must be finite"),
        ({"features": (Feature("x", kind="category", categories=("a",)),)}, "without a label"),
        ({"y": np.array([0, 1, 2, 1])}, "without a label"),
        ({"sensitive": ("sex",)}, "'sex' in sensitive is not a feature"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    fields = {"X": np.arange(4.0)[:, None], "y": np.array([0, 1, 0, 1])}
    fields |= {"features": (Feature("x"),), "classes": ("a", "b"), "target": "y"} | change
    with pytest.raises(EvollmError, match=message):
        Table("t", "classification", **fields)  # type: ignore[arg-type]
