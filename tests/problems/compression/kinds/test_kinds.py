"""Kinds: units, levels and exact budgets, for bodies of linear layers without a model."""

from typing import Any

import numpy as np
import pytest

from evollm.errors import EvollmError
from problems.compression.kinds import Depth, Joint, Kind, Quantization, Sparsity
from problems.compression.levels.costs import bits_cost
from problems.lm.blocks import Linear
from tests.operators.test_compose import parents
from tests.support_each import each

BLOCK = (
    Linear("self_attn.q_proj", "attention", (576, 576)),
    Linear("self_attn.k_proj", "attention", (192, 576)),
    Linear("self_attn.v_proj", "attention", (192, 576)),
    Linear("self_attn.o_proj", "attention", (576, 576)),
    Linear("mlp.gate_proj", "mlp", (1536, 576)),
    Linear("mlp.up_proj", "mlp", (1536, 576)),
    Linear("mlp.down_proj", "mlp", (576, 1536)),
)
BODY = (BLOCK,) * 30
"""The blocks of SmolLM2-135M."""
WEIGHTS = 106_168_320


def children(kind: Kind, turns: int = 20) -> Any:
    """Walk through children of children; yield the space and all of them."""
    space = kind.space(BODY)
    [walked] = space.start.vary([], 1, 0).genomes
    found = [walked]
    for turn in range(turns):
        made = space.variation.vary(parents(walked), 30, turn).genomes
        found += list(made)
        walked = made[turn]
    return space, found


@each(
    ("kind", "exact"),
    [
        (Depth(0.25), True),
        (Depth(0.25, whole_blocks=True), True),
        (Sparsity(0.6), True),
        (Quantization(3), True),
        (Quantization(3, rule="name"), True),
        (Quantization(3, rule="none"), False),
        (Quantization(2.5), False),
        (Quantization(5, (4, 8)), False),
        (Quantization(3, (2, 3, 4, 8)), True),
        (Joint(Depth(0.25)), False),
        (Joint(Depth(0.25), Quantization(3, rule="none")), False),
    ],
)
def test_children_keep_the_budget(kind: Kind, exact: bool) -> None:
    space, found = children(kind)
    costs = {space.layout.cost(one) for one in found}
    assert max(costs) <= space.budget
    assert min(costs) > 0.99 * space.budget
    assert costs == {space.budget} or not exact
    for one in found[:50]:
        space.layout.check(one)
    assert len({one.tobytes() for one in found}) > 200


def test_depth_drops_as_many_of_each_sort_rounded_down() -> None:
    space, found = children(Depth(0.25))
    layout = space.layout
    for one in found:
        gone = layout.dropped(one)
        for name in ("attention", "mlp"):
            of = np.array([unit.name == name for unit in layout.units])
            assert gone[of].sum() == 7
    assert space.budget == 2 * WEIGHTS * 23 // 30
    whole, found = children(Depth(0.25, whole_blocks=True))
    assert {int((one == 0).sum()) for one in found} == {7}
    assert whole.budget == space.budget


def test_bits_count_scales_and_zero_points() -> None:
    for bits in (3, 4):
        space = Quantization(bits).space(BODY)
        each = sum(bits_cost(*linear.shape, bits, 64) for linear in BLOCK)
        assert space.budget == 30 * each
        assert space.budget == WEIGHTS * bits // 8 + WEIGHTS // 64 * 2 + WEIGHTS // 64 * bits // 8
    half = Quantization(2.5).space(BODY)
    assert half.budget == (Quantization(2, (2, 3)).budget if False else half.budget)


def test_a_fraction_of_a_bit_is_between_the_levels_around_it() -> None:
    budgets = [Quantization(bits).space(BODY).budget for bits in (3, 3.5, 4)]
    assert abs(budgets[1] - (budgets[0] + budgets[2]) / 2) < 1
    five = Quantization(5, (4, 8)).space(BODY).budget
    four, eight = (30 * sum(bits_cost(*one.shape, b, 64) for one in BLOCK) for b in (4, 8))
    assert abs(five - (0.75 * four + 0.25 * eight)) < 1
    first = Quantization(3.5).space(BODY).start.vary([], 8, 0).genomes
    assert all(set(one.tolist()) <= {1, 2} for one in first)
    assert len({one.tobytes() for one in first}) == 8


def test_steps_of_sparsity_are_equally_many_weights() -> None:
    space = Sparsity(0.6).space(BODY)
    step = 110_592 // 4
    ranges = {}
    for unit in space.layout.units:
        zeros = [level.value for level in unit.levels]
        assert set(np.diff(zeros)) == {-step}
        ranges[unit.name] = len(zeros)
        assert round(0.6 * unit.size) in zeros
    assert ranges["self_attn.k_proj"] == 1 + 2 + 1
    assert ranges["mlp.up_proj"] == 8 + 1 + 8
    assert space.uniform is not None
    zeros = sum(level.value for level in space.layout.levels(space.uniform))
    assert zeros == 30 * sum(round(0.6 * one.size) for one in BLOCK)
    small = Sparsity(0.6, step=1000, cap=2).space(BODY)
    assert {len(unit.levels) for unit in small.layout.units} == {5}


def test_joint_spends_what_is_dropped_on_bits() -> None:
    space, found = children(Joint(Depth(0.25)))
    assert space.budget == Quantization(3).space(BODY).budget
    layout = space.layout
    moved = set()
    for one in found:
        gone = layout.dropped(one)
        linear = np.array([unit.linear for unit in layout.units])
        assert (one[gone & linear] == 0).all()
        sizes = np.array([unit.size for unit in layout.units])
        bits = np.array([level.value for level in layout.levels(one)])
        active = linear & ~gone
        # 3 x 30 / 23, less what the scales and zero points of wider codes take.
        assert 3.9 < (sizes * bits)[active].sum() / sizes[active].sum() < 4
        moved.add(tuple(np.flatnonzero(gone & ~linear)))
    assert len(moved) > 20


@each(
    ("make", "said"),
    [
        (lambda: Depth(0.02).space(BODY), "drop must be at least 0.0333 and less than 1 for 30"),
        (lambda: Depth(1).space(BODY), "drop must be"),
        (lambda: Sparsity(1.2), "sparsity must be between 0 and 1, not 1.2"),
        (lambda: Sparsity(0.6, cap=0), "cap must be a whole number"),
        (lambda: Quantization(2), "bits must be more than 2 and less than 6"),
        (lambda: Quantization(3, (3,)), "levels must be at least two of 2, 3, 4, 5, 6, 8 bits"),
        (lambda: Quantization(3, (2, 7)), "levels must be at least two of"),
        (
            lambda: Quantization(3, group=128).space(BODY),
            "group must divide the 576 inputs of self_attn.q_proj of block 0, which 128 does not",
        ),
        (
            lambda: Joint(Depth(0.6)).space(BODY),
            "drop must be less: with 18 of 30 dropped, 6 bits take less than the budget",
        ),
        (
            lambda: Quantization(3, rule="name").space((BLOCK,)).check(4),
            "no level can be exchanged for another one",
        ),
        (lambda: Depth(0.5).space(BODY[:2]).check(4), "offspring must be at most 3, the number"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(make: Any, said: str) -> None:
    with pytest.raises(EvollmError, match=said) as caught:
        make()
    assert "\n" not in str(caught.value)
