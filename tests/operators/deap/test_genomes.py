"""Genomes of DEAP's individuals compare, and hold no classes."""

import numpy as np
import pytest
from deap import creator

from evollm import EvollmError
from evollm.store.codec import decode, encode
from operators.deap.genomes import Attributed, Expression, carried, plain, same
from tests.operators.deap import support_boxes as boxes
from tests.support_each import each

NAN = float("nan")


@each(
    "value",
    [
        [1, 2.0, NAN],
        {"a": [np.arange(3), (1,)]},
        np.ones((2, 2)),
        Attributed([1], {"speed": np.ones(2)}),
        Expression(["x"], "x"),
        [Expression([["small", NAN]], "nan")],
    ],
)
def test_a_genome_is_the_same_as_its_recorded_copy(value):
    assert same(value, decode(encode(value)))


@each(
    ("one", "other"),
    [
        ([1], [1.0]),
        ([1], [1, 2]),
        ([1], (1,)),
        ({"a": 1}, {"b": 1}),
        (np.ones(4), np.ones((2, 2))),
        (np.ones(2), np.ones(2, dtype=int)),
        (Attributed([1], {"age": 1}), Attributed([1], {"age": 2})),
        (Attributed([1], {"age": 1}), Attributed([2], {"age": 1})),
        (Expression(["x"], "x"), Expression(["y"], "y")),
    ],
)
def test_others_are_not(one, other):
    assert not same(one, other)


def test_genomes_of_a_class_are_keys_and_sequences():
    bare, twin = (Attributed([3, 4], {"speed": np.ones(2)}) for _ in "ab")
    assert len({bare, twin}) == 1
    assert (len(bare), list(bare), bare[1], str(bare)) == (2, [3, 4], 4, "[3, 4]")
    tree = Expression(["sin", "x"], "sin(x)")
    assert {tree: 1}[Expression(["sin", "x"], "sin(x)")] == 1
    assert (len(tree), str(tree)) == (2, "sin(x)")


def test_what_is_carried_is_not_the_fitness():
    bits = boxes.onemax(3).individual()
    bits.age, bits.evollm_id = 2, 17
    assert carried(bits) == {"age": 2}
    assert carried([1]) == {}


def test_an_individual_within_a_genome_must_not_carry_anything():
    inner = creator.Bits([1])
    assert plain([inner]) == [[1]]
    inner.age = 3
    with pytest.raises(
        EvollmError, match=r"a Bits with additional attributes \(age\): give a form"
    ):
        plain([inner])
