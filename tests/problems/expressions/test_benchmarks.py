"""Published functions: their values, and the numbers of their rows."""

import numpy as np
import pytest

from evollm import EvollmError
from problems.expressions.benchmarks import BENCHMARKS, Grid, benchmark
from tests.support_each import each

SIN, COS, EXP, LOG, SQRT = np.sin, np.cos, np.exp, np.log, np.sqrt
VALUES = {
    "nguyen-4": lambda x: sum(x**i for i in range(1, 7)),
    "nguyen-5": lambda x: SIN(x**2) * COS(x) - 1,
    "nguyen-7": lambda x: LOG(x + 1) + LOG(x**2 + 1),
    "nguyen-11": lambda x, y: x**y,
    "nguyen-12": lambda x, y: x**4 - x**3 + y**2 / 2 - y,
    "keijzer-1": lambda x: 0.3 * x * SIN(2 * np.pi * x),
    "keijzer-4": lambda x: x**3 * EXP(-x) * COS(x) * SIN(x) * (SIN(x) ** 2 * COS(x) - 1),
    "keijzer-5": lambda x, y, z: 30 * x * z / ((x - 10) * y**2),
    "keijzer-9": np.arcsinh,
    "keijzer-14": lambda x, y: 8 / (2 + x**2 + y**2),
    "feynman-i.6.2a": lambda t: EXP(-(t**2) / 2) / SQRT(2 * np.pi),
    "feynman-i.16.6": lambda c, v, u: (u + v) / (1 + u * v / c**2),
    "feynman-i.27.6": lambda d1, d2, n: 1 / (1 / d1 + n / d2),
}


@each("name", VALUES)
def test_values(name):
    train, _ = benchmark(name).rows(3)
    assert np.allclose(train.y, VALUES[name](*train.X.T))


def test_all_have_rows_that_the_seed_determines():
    counts = {}
    for name, one in BENCHMARKS.items():
        if isinstance(one.test, Grid) and one.test.variables == 2:
            counts[name] = (len(one.train.rows(np.random.default_rng(0))), None)
            continue
        train, test = one.rows(1)
        again, _ = one.rows(1)
        assert np.array_equal(train.X, again.X), name
        counts[name] = (len(train.y), len(test.y))
    assert counts["nguyen-1"] == (20, 1000)
    assert counts["nguyen-9"] == (100, 1000)
    assert counts["keijzer-1"] == (21, 2001)
    assert counts["keijzer-4"] == (201, 201)
    assert counts["keijzer-6"] == (50, 120)
    assert counts["keijzer-15"] == (20, None)
    assert counts["feynman-i.12.1"] == (750, 250)
    assert len(counts) == 38


def test_harmonic_numbers_and_unknown_names():
    train, _ = benchmark("Keijzer-6").rows(0)
    assert train.y[:3] == pytest.approx([1, 1.5, 11 / 6])
    with pytest.raises(EvollmError, match="no function 'nguyen-13'; did you mean 'nguyen-3"):
        benchmark("nguyen-13")
