"""The helper that runs one check over many cases finds those that fail."""

import pytest

from tests.support_each import failing


def test_every_case_that_fails_is_listed_with_its_reason() -> None:
    def even(number: int) -> None:
        assert number % 2 == 0, "odd"

    def raises(number: int, power: int) -> None:
        with pytest.raises(ZeroDivisionError):
            number**-power

    assert failing(even, range(4)).keys() == {"1", "3"}
    assert failing(even, [2, 4]) == {}
    assert failing(raises, [(0, 1), (2, 1)]).keys() == {"(2, 1)"}
