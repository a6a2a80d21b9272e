"""The knapsack beside trying all."""

from itertools import product

import numpy as np
import pytest

from evollm.errors import EvollmError
from problems.compression.baselines import knapsack
from problems.compression.baselines.knapsack import errors_of, exchanged, solve, within
from problems.compression.layout import DENSE, DROP, Layout, Level, Unit
from tests.support_each import each

BITS = (Level("bits", 2), Level("bits", 3), Level("bits", 4))


def cases(seed: int) -> tuple[list[list[int]], list[list[float]]]:
    rng = np.random.default_rng(seed)
    costs = [sorted(rng.choice(30, 3, replace=False).tolist()) for _ in range(6)]
    return costs, rng.random((6, 3)).tolist()


def tried(
    costs: list[list[int]], errors: list[list[float]], budget: int, exact: bool
) -> float | None:
    """The least sum of errors of all choices that cost as much."""
    found = [
        sum(own[one] for own, one in zip(errors, choice, strict=True))
        for choice in product(range(3), repeat=len(costs))
        if (cost := sum(own[one] for own, one in zip(costs, choice, strict=True))) == budget
        or (cost < budget and not exact)
    ]
    return min(found, default=None)


@each("seed", range(5))
@each("exact", [False, True])
def test_the_best_of_all_choices(seed: int, exact: bool) -> None:
    costs, errors = cases(seed)
    least = sum(own[0] for own in costs)
    for budget in range(least, sum(own[-1] for own in costs) + 1, 7):
        chosen = solve(costs, errors, budget, exact)
        cost = sum(own[one] for own, one in zip(costs, chosen, strict=True))
        total = sum(own[one] for own, one in zip(errors, chosen, strict=True))
        best = tried(costs, errors, budget, exact)
        if best is None:  # no choice costs exactly that
            best = tried(costs, errors, budget, exact=False)
        assert cost <= budget
        assert total == pytest.approx(best)


def test_fine_steps_are_rounded_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget still holds, and little of it is left."""
    monkeypatch.setattr(knapsack, "ROOM", 50)
    costs, errors = cases(0)
    large = [[1000 * cost + 1 for cost in own] for own in costs]
    chosen = solve(large, errors, 90_000)
    cost = sum(own[one] for own, one in zip(large, chosen, strict=True))
    assert 70_000 < cost <= 90_000


def layers(*sizes: int) -> Layout:
    """A unit of each size, in a block of its own, beside a sublayer that could be dropped."""
    units = [
        Unit(block, "mlp.up_proj", "mlp", size, BITS, (2 * size, 3 * size, 4 * size))
        for block, size in enumerate(sizes)
    ]
    first = Unit(0, "attention", "attention", 5, (DROP, DENSE), (0, 10))
    return Layout((first, *units), len(sizes))


ERRORS = [[], [9.0, 1.0, 0.0], [1.5, 1.0, 0.9], [4.0, 1.0, 0.0], [4.5, 4.0, 3.9]]


def test_bytes_go_where_they_help_most() -> None:
    layout = layers(8, 8, 16, 16)
    uniform = layout.cost(np.array([1, 1, 1, 1, 1]))
    assert within(layout, ERRORS, uniform).tolist() == [1, 2, 0, 2, 0]
    assert within(layout, ERRORS, uniform - 16).tolist() == [1, 2, 0, 1, 0]
    assert within(layout, ERRORS, uniform - 17).tolist() == [1, 1, 0, 1, 0]


def test_groups_keep_their_bytes() -> None:
    """Two small layers take 40 bytes, and two large ones 112; across sizes others are chosen."""
    layout = layers(8, 8, 16, 16)
    like = np.array([1, 0, 1, 2, 1])
    assert exchanged(layout, ERRORS, like).tolist() == [1, 1, 0, 2, 1]
    assert exchanged(layout, ERRORS, like, "none").tolist() == [1, 2, 1, 2, 0]


def test_errors_are_the_databases() -> None:
    class Source:
        def error(self, block: int, name: str, level: Level) -> float:
            return block + level.value / 10

    assert errors_of(layers(8, 8), Source()) == [[], [0.2, 0.3, 0.4], [1.2, 1.3, 1.4]]


def test_what_is_refused() -> None:
    with pytest.raises(EvollmError, match="budget must be at least 32 bytes for the lowest levels"):
        within(layers(8, 8), ERRORS[:3], 41)
    sublayer = Unit(0, "mlp", "mlp", 5, (DROP, DENSE), (0, 10))
    with pytest.raises(EvollmError, match="there are no layers among the units"):
        within(Layout((sublayer,), 1), [[]], 100)
