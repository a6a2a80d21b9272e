"""Checks of what a user gives."""

import pytest

from evollm import EvollmError
from evollm.checks import nearest, positive
from tests.support_each import each


def test_the_nearest_name_is_named() -> None:
    assert nearest("evaluatons", ["evaluations", "seed"]) == "; did you mean 'evaluations'?"
    assert nearest("glucse", ["glucose", "bmi"]) == "; did you mean 'glucose'?"


def test_few_names_are_listed_and_many_are_not() -> None:
    assert nearest("xyz", ["a", "b"]) == ": choose from a, b"
    assert nearest("xyz", ["a", "b"], most=0) == ""
    assert nearest("xyz", [f"v{i}" for i in range(100)]) == ""


@each("count", [0, -1, 1.5, True, "3"])
def test_counts_are_whole_and_positive(count: object) -> None:
    with pytest.raises(EvollmError, match="size must be a whole number, 1 or more"):
        positive(size=count)  # type: ignore[arg-type]
