"""Tests of differences: exact where few runs are compared, and never more sure than these allow."""

from math import inf

import numpy as np
import pytest

from evollm.report.comparison.significance import LEVEL, PAIRS, holm, paired, unpaired


def test_few_runs_reach_their_least_p_and_no_less() -> None:
    for n in range(2, 8):
        low, high = list(range(n)), list(range(n, 2 * n))
        found = unpaired(low, high)
        assert found.p == pytest.approx(found.least)
        assert found.sign < 0 < unpaired(high, low).sign
    assert unpaired([1, 2, 3], [4, 5, 6]).least == pytest.approx(2 / 20)
    assert unpaired([1], [2]).least == 1
    shifts = np.arange(1, PAIRS + 1) / 7
    found = paired(list(shifts), [0.0] * PAIRS)
    assert found.p == pytest.approx(found.least) == pytest.approx(2 / 2**PAIRS)
    assert found.least <= LEVEL < 2 / 2 ** (PAIRS - 1)
    assert found.sign > 0


def test_equal_and_infinite_numbers_are_compared_exactly() -> None:
    assert unpaired([1, 1, 1], [1, 1, 1]).p == unpaired([1], [1]).p == 1
    assert paired([1.0] * 6, [1.0] * 6).p == 1
    tied = unpaired([1, 1, 2], [3, 3, 3])
    assert tied.p == pytest.approx(tied.least) == pytest.approx(0.1)
    assert unpaired([-inf, -inf, -inf, -inf], [1, 1, 1, 2]).p == pytest.approx(2 / 70)
    lost = paired([-inf] * 6, [-inf, 1, 2, 3, 4, 5])
    assert lost.p == pytest.approx(2 / 2**5)
    assert lost.sign < 0


def test_p_is_corrected_for_the_number_of_pairs() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1, 1]
