"""Published functions to find again, with the published rules for their rows.

Nguyen 1 to 10: Uy, Hoai, O'Neill, McKay, Galvan-Lopez: Semantically-based Crossover in Genetic
Programming: Application to Real-valued Symbolic Regression, 2011. Nguyen 11 and 12: Petersen et
al.: Deep Symbolic Regression: Recovering Mathematical Expressions from Data via Risk-seeking Policy
Gradients, 2021. Keijzer: Improving Symbolic Regression with Interval Arithmetic and Linear Scaling,
2003. The rules for rows are those that McDermott et al. list: Genetic Programming Needs Better
Benchmarks, 2012. Feynman: Udrescu, Tegmark: AI Feynman: A Physics-inspired Method for Symbolic
Regression, 2020, in the published ranges of the variables.

Where no test rows are published, they are ours: 1,000 more rows by the rule of the training rows;
for Feynman's functions 1,000 rows are drawn and split 75 to 25, as La Cava et al. split theirs:
Contemporary Symbolic Regression Methods and their Relative Performance, 2021.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError
from operators.expressions.functions import FUNCTIONS
from operators.expressions.primitives import Primitives
from operators.expressions.reading import read
from problems.expressions.evaluation import columns, predict
from problems.expressions.fitness import Rows

Array: TypeAlias = NDArray[np.float64]
_MORE = 1000
_FEYNMAN = (750, 250)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Rows drawn uniformly; ``U[low, high, count]`` in the literature.

    Attributes:
        count: Number of rows.
        ranges: Low and high of each variable.
    """

    count: int
    ranges: tuple[tuple[float, float], ...]

    def rows(self, rng: Generator) -> Array:
        """Return new rows."""
        low, high = np.array(self.ranges).T
        return rng.uniform(low, high, (self.count, len(self.ranges)))


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows at equal distances; ``E[low, high, step]`` in the literature.

    Attributes:
        low: The first value of each variable.
        high: The last one.
        step: The distance.
        variables: Number of variables, each with these values.
    """

    low: float
    high: float
    step: float
    variables: int = 1

    def rows(self, rng: Generator) -> Array:
        """Return the rows, which are always the same."""
        count = round((self.high - self.low) / self.step) + 1
        axis = self.low + self.step * np.arange(count)
        grid = np.meshgrid(*[axis] * self.variables, indexing="ij")
        return np.column_stack([one.ravel() for one in grid])


Sample: TypeAlias = Drawn | Grid


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A function to find again.

    Attributes:
        text: The function as text; ``harmonic`` is the sum of 1/i up to x.
        variables: Names of its variables.
        train: The rule for training rows.
        test: The rule for test rows.
    """

    text: str
    variables: tuple[str, ...]
    train: Sample
    test: Sample

    def values(self, X: Array) -> Array:
        """Return the function's values."""
        if self.text == HARMONIC:
            return np.array([np.sum(1 / np.arange(1, round(x) + 1)) for x in X[:, 0]])
        primitives = Primitives(self.variables, tuple(FUNCTIONS))
        nodes = read(self.text, primitives).nodes
        return predict(nodes, columns(X, self.variables), len(X))

    def rows(self, seed: int) -> tuple[Rows, Rows]:
        """Return training and test rows, determined by the seed."""
        rng = np.random.default_rng(seed)
        train, test = self.train.rows(rng), self.test.rows(rng)
        return Rows.of(train, self.values(train)), Rows.of(test, self.values(test))


HARMONIC = "harmonic"


def _uniform(text: str, low: float, high: float, count: int, names: str = "x") -> Benchmark:
    """Return a function whose training and test rows are drawn by the same rule."""
    ranges = ((low, high),) * len(names)
    return Benchmark(text, tuple(names), Drawn(count, ranges), Drawn(_MORE, ranges))


def _even(
    text: str, train: tuple[float, float, float], test: tuple[float, float, float]
) -> Benchmark:
    return Benchmark(text, ("x",), Grid(*train), Grid(*test))


def _wide(text: str) -> Benchmark:
    """Return one of Keijzer's functions of two variables on [-3, 3]."""
    return Benchmark(text, ("x", "y"), Drawn(20, ((-3, 3), (-3, 3))), Grid(-3, 3, 0.01, 2))


def _feynman(text: str, **ranges: tuple[float, float]) -> Benchmark:
    bounds, (train, test) = tuple(ranges.values()), _FEYNMAN
    return Benchmark(text, tuple(ranges), Drawn(train, bounds), Drawn(test, bounds))


_WAVE = "0.3*x*sin(2*pi*x)"
_BUMPS = "x^3*exp(-x)*cos(x)*sin(x)*(sin(x)^2*cos(x) - 1)"
_KEIJZER_5 = (Drawn(1000, ((-1, 1), (1, 2), (-1, 1))), Drawn(10_000, ((-1, 1), (1, 2), (-1, 1))))
BENCHMARKS: Mapping[str, Benchmark] = {
    "nguyen-1": _uniform("x^3 + x^2 + x", -1, 1, 20),
    "nguyen-2": _uniform("x^4 + x^3 + x^2 + x", -1, 1, 20),
    "nguyen-3": _uniform("x^5 + x^4 + x^3 + x^2 + x", -1, 1, 20),
    "nguyen-4": _uniform("x^6 + x^5 + x^4 + x^3 + x^2 + x", -1, 1, 20),
    "nguyen-5": _uniform("sin(x^2)*cos(x) - 1", -1, 1, 20),
    "nguyen-6": _uniform("sin(x) + sin(x + x^2)", -1, 1, 20),
    "nguyen-7": _uniform("log(x + 1) + log(x^2 + 1)", 0, 2, 20),
    "nguyen-8": _uniform("sqrt(x)", 0, 4, 20),
    "nguyen-9": _uniform("sin(x) + sin(y^2)", -1, 1, 100, "xy"),
    "nguyen-10": _uniform("2*sin(x)*cos(y)", -1, 1, 100, "xy"),
    "nguyen-11": _uniform("exp(y*log(x))", 0, 1, 20, "xy"),
    "nguyen-12": _uniform("x^4 - x^3 + y^2/2 - y", 0, 1, 20, "xy"),
    "keijzer-1": _even(_WAVE, (-1, 1, 0.1), (-1, 1, 0.001)),
    "keijzer-2": _even(_WAVE, (-2, 2, 0.1), (-2, 2, 0.001)),
    "keijzer-3": _even(_WAVE, (-3, 3, 0.1), (-3, 3, 0.001)),
    "keijzer-4": _even(_BUMPS, (0, 10, 0.05), (0.05, 10.05, 0.05)),
    "keijzer-5": Benchmark("30*x*z/((x - 10)*y^2)", ("x", "y", "z"), *_KEIJZER_5),
    "keijzer-6": _even(HARMONIC, (1, 50, 1), (1, 120, 1)),
    "keijzer-7": _even("log(x)", (1, 100, 1), (1, 100, 0.1)),
    "keijzer-8": _even("sqrt(x)", (0, 100, 1), (0, 100, 0.1)),
    "keijzer-9": _even("log(x + sqrt(x^2 + 1))", (0, 100, 1), (0, 100, 0.1)),
    "keijzer-11": _wide("x*y + sin((x - 1)*(y - 1))"),
    "keijzer-12": _wide("x^4 - x^3 + y^2/2 - y"),
    "keijzer-13": _wide("6*sin(x)*cos(y)"),
    "keijzer-14": _wide("8/(2 + x^2 + y^2)"),
    "keijzer-15": _wide("x^3/5 + y^3/2 - y - x"),
    "feynman-i.6.2a": _feynman("exp(-theta^2/2)/sqrt(2*pi)", theta=(1, 3)),
    "feynman-i.8.14": _feynman(
        "sqrt((x2 - x1)^2 + (y2 - y1)^2)", x1=(1, 5), x2=(1, 5), y1=(1, 5), y2=(1, 5)
    ),
    "feynman-i.10.7": _feynman("m_0/sqrt(1 - v^2/c^2)", m_0=(1, 5), v=(1, 2), c=(3, 10)),
    "feynman-i.12.1": _feynman("mu*Nn", mu=(1, 5), Nn=(1, 5)),
    "feynman-i.14.4": _feynman("k_spring*x^2/2", k_spring=(1, 5), x=(1, 5)),
    "feynman-i.16.6": _feynman("(u + v)/(1 + u*v/c^2)", c=(1, 5), v=(1, 5), u=(1, 5)),
    "feynman-i.18.12": _feynman("r*F*sin(theta)", r=(1, 5), F=(1, 5), theta=(0, 5)),
    "feynman-i.25.13": _feynman("q/C", q=(1, 5), C=(1, 5)),
    "feynman-i.27.6": _feynman("1/(1/d1 + n/d2)", d1=(1, 5), d2=(1, 5), n=(1, 5)),
    "feynman-i.29.4": _feynman("omega/c", omega=(1, 10), c=(1, 10)),
    "feynman-i.39.1": _feynman("3/2*pr*V", pr=(1, 5), V=(1, 5)),
    "feynman-ii.3.24": _feynman("Pwr/(4*pi*r^2)", Pwr=(1, 5), r=(1, 5)),
}
"""The functions by name; Keijzer-10 is Nguyen-11 with other rows, and left out."""


def benchmark(name: str) -> Benchmark:
    """Return a function by its name.

    Raises:
        EvollmError: If there is none of this name.
    """
    known: Sequence[str] = list(BENCHMARKS)
    found = BENCHMARKS.get(name.lower())
    if found is None:
        hint = nearest(name.lower(), known) or ", such as nguyen-5, keijzer-4 or feynman-i.12.1"
        raise EvollmError(f"there is no function '{name}'{hint}")
    return found
