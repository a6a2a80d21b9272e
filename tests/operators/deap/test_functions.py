"""DEAP's functions as operators: seeded, restored, refused where they can't serve."""

import random
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from deap import creator, gp, tools

from evollm import Candidate, EvollmError
from evollm.search.fingerprint import describe
from evollm.testing import OperatorCase, OperatorKit
from operators.deap.functions import FromDeap, parameters, seeded_globals
from operators.deap.individuals import Plain, Trees
from tests.operators.deap.support_boxes import PSET, onemax, quartic
from tests.support_each import checks, each

BITS = Plain(creator.Bits)
TREE = Trees(PSET, creator.Tree)


def candidates(*genomes):
    return [Candidate(i, genome, (), "test", 0) for i, genome in enumerate(genomes)]


def trees(n=2):
    return FromDeap(quartic().individual, 0, TREE).vary([], n, seed=1).genomes


def case_mutation_of_an_array() -> OperatorCase:
    mutate = partial(tools.mutGaussian, mu=0.0, sigma=1.0, indpb=0.5)
    return FromDeap(mutate, 1, Plain(creator.Point)), [np.zeros(6), np.ones(6)]


def case_nested_lists() -> OperatorCase:
    def turn(individual):
        individual[random.randrange(2)].reverse()
        return (individual,)

    return FromDeap(turn, 1), [[[1, 2], [3, 4]]]


CONFORMING = {
    "initialiser": lambda: (FromDeap(onemax(12).individual, 0, BITS), []),
    "crossover": lambda: (FromDeap(onemax().mate, 2, BITS), [[0] * 9, [1] * 9, [0, 1, 0] * 3]),
    "mutation": lambda: (FromDeap(onemax().mutate, 1, BITS), [[0] * 9, [1] * 9]),
    "mutation of an array": case_mutation_of_an_array,
    "crossover of trees": lambda: (FromDeap(quartic().mate, 2, TREE), trees()),
    "mutation of trees": lambda: (FromDeap(quartic().mutate, 1, TREE), trees()),
    "nested lists": case_nested_lists,
}


@each("name", CONFORMING)
@each("check", checks(OperatorKit))
def test_conformance(check: Callable[..., None], name: str, tmp_path: Path) -> None:
    check(CONFORMING[name](), tmp_path)


def test_deap_draws_the_same_as_after_random_seed():
    made = FromDeap(onemax().individual, 0, BITS).vary([], 3, seed=7).genomes
    before = random.getstate()
    random.seed(7)
    assert made == [list(onemax().individual()) for _ in range(3)]
    random.setstate(before)


def test_pairs_and_parents_take_turns():
    mate = FromDeap(onemax().mate, 2, BITS)
    made = mate.vary(candidates([0] * 8, [1] * 8, [2] * 8, [3] * 8), 5, seed=1)
    assert made.parents == [[0, 1], [0, 1], [2, 3], [2, 3], [0, 1]]
    assert set(made.genomes[2] + made.genomes[3]) == {2, 3}
    mutate = FromDeap(onemax().mutate, 1, BITS)
    assert mutate.vary(candidates([0], [1]), 3, seed=1).parents == [[0], [1], [0]]


def test_the_states_come_back_after_an_exception_too():
    def fails(individual):
        random.random()
        np.random.random()  # noqa: NPY002
        raise ValueError("no")

    before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002
    with pytest.raises(EvollmError, match="fails failed with ValueError: no"):
        FromDeap(fails, 1).vary(candidates([1]), 1, seed=3)
    assert (random.getstate(), repr(np.random.get_state())) == before  # noqa: NPY002


def test_numpys_state_is_seeded_too():
    def draw():
        return [random.random(), float(np.random.random())]  # noqa: NPY002

    start = FromDeap(draw, 0)
    first, other = start.vary([], 1, 2**53 - 1).genomes, start.vary([], 1, 0).genomes
    assert first == start.vary([], 1, 2**53 - 1).genomes
    assert not set(first[0]) & set(other[0])


def test_threads_do_not_disturb_each_other():
    operator = FromDeap(onemax(50).individual, 0, BITS)
    alone = [operator.vary([], 20, seed).genomes for seed in range(8)]
    found = {}
    threads = [
        threading.Thread(target=lambda s=s: found.update({s: operator.vary([], 20, s).genomes}))
        for s in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(8)] == alone


def test_the_states_can_be_lent_within_a_loan():
    with seeded_globals(1):
        first = random.random()
        with seeded_globals(2):
            random.random()
        second = random.random()
    with seeded_globals(1):
        assert [random.random(), random.random()] == [first, second]


def test_the_description_tells_bound_arguments_apart():
    def of(**bound):
        return describe(FromDeap(partial(tools.mutFlipBit, **bound), 1))

    assert of(indpb=0.1) == of(indpb=0.1)
    assert of(indpb=0.1) != of(indpb=0.2)
    assert of(indpb=0.1)["name"] == "mutFlipBit"
    assert "operator" not in of(indpb=0.1)["parameters"]
    box = quartic()
    assert "MAIN" in str(parameters(box.branch) + parameters(partial(gp.genFull, pset=PSET)))
    assert parameters(onemax(5).individual) != parameters(onemax(6).individual)
    assert FromDeap(onemax().mate, 2).name == "mate"
    assert FromDeap(onemax().mate, 2, name="two points").name == "two points"


def test_the_description_is_json():
    bound = {"a": np.arange(3), "b": np.float64(2), "c": {3, 1}, "d": BITS, "e": random.Random}
    assert parameters(partial(tools.mutFlipBit, **bound))[2] == {
        "a": [0, 1, 2],
        "b": 2.0,
        "c": [1, 3],
        "d": [
            "operators.deap.individuals.Plain",
            {"kinds": {}, "drop": [], "kind": "deap.creator.Bits"},
        ],
        "e": "random.Random",
    }


def returns(value):
    return lambda *individuals: value


@each("arity", [3, -1, "two"])
def test_an_unknown_arity_is_refused(arity):
    with pytest.raises(EvollmError, match="must be 0, 1 or 2, not"):
        FromDeap(tools.cxTwoPoint, arity)


@each("value", [None, 1.0, ([1],), creator.Bits([1, 2])])
def test_an_answer_without_its_tuple_is_refused(value):
    with pytest.raises(EvollmError, match="must return a tuple of 2"):
        FromDeap(returns(value), 2).vary(candidates([1], [2]), 2, seed=0)


def test_too_few_parents_are_refused():
    with pytest.raises(EvollmError, match="mate needs 2 parents, not 1"):
        FromDeap(onemax().mate, 2).vary(candidates([1, 0]), 2, seed=0)


def test_a_child_that_cannot_be_recorded_is_refused():
    with pytest.raises(EvollmError, match="a genome can't contain a Primitive: give a form"):
        FromDeap(quartic().individual, 0).vary([], 1, seed=1)
