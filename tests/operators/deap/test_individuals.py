"""Individuals come back from their genomes as they were."""

import array
import random
from dataclasses import dataclass

import numpy as np
import pytest
from deap import creator, gp

from evollm import EvollmError
from evollm.store.codec import decode, encode
from operators.deap.functions import seeded_globals
from operators.deap.genomes import Attributed, Expression
from operators.deap.individuals import Plain, Several, Trees
from tests.operators.deap.support_boxes import PSET, quartic
from tests.support_each import each

if not hasattr(creator, "Bytes"):
    creator.create("Bytes", array.array, typecode="b", fitness=creator.Largest)
    creator.create("Steps", array.array, typecode="d")


@dataclass(frozen=True)
class Gene:
    at: int


@each(
    ("individual", "genome"),
    [
        (creator.Bits([1, 0, 1]), [1, 0, 1]),
        (creator.Bits([[1, 2], (3, creator.Bits([4]))]), [[1, 2], (3, [4])]),
        (creator.Bytes([1, 2]), [1, 2]),
        (creator.Bag({5, 3, 11}), [3, 5, 11]),
        (creator.Bag({"b", 1}), ["b", 1]),
        ({"a": creator.Bits([1])}, {"a": [1]}),
        ("text", "text"),
        (creator.Bits([Gene(3), np.int64(2)]), [Gene(3), np.int64(2)]),
    ],
)
def test_plain_individuals_return(individual, genome):
    form = Plain(type(individual))
    assert form.to_genome(individual) == genome
    assert type(form.to_genome(individual)) is type(genome)
    again = form.from_genome(decode(encode(genome)))
    assert type(again) is type(individual)
    assert again == individual


def test_arrays_return():
    point = creator.Point([0.5, 2.0])
    form = Plain(creator.Point)
    genome = form.to_genome(point)
    assert type(genome) is np.ndarray
    again = form.from_genome(decode(encode(genome)))
    assert type(again) is creator.Point
    assert np.array_equal(again, point)
    again[0] = 9.0
    assert genome[0] == 0.5
    assert Plain(np.ndarray).from_genome(genome) is not genome


def test_an_individual_shares_nothing_with_its_genome():
    genome = [[1, 2], [3, 4]]
    Plain(creator.Bits).from_genome(genome)[0].append(9)
    own = creator.Bits([[1]])
    Plain(creator.Bits).to_genome(own)[0].append(9)
    assert (genome, own) == ([[1, 2], [3, 4]], [[1]])


@each("value", [object(), np.array([None]), [object()], random.Random(1)])
def test_what_no_record_keeps_is_refused(value):
    with pytest.raises(EvollmError, match=r"a genome can't contain a .*: give a form"):
        Plain().to_genome(value)


def test_a_kind_that_is_not_made_of_a_genome_is_refused():
    with pytest.raises(EvollmError, match=r"a array can't be made from a list .*: give a form"):
        Plain(array.array).from_genome([1, 2])


def test_trees_return_node_by_node():
    form = Trees(PSET, creator.Tree)
    with seeded_globals(3):
        trees = [quartic().individual() for _ in range(50)]
    for tree in trees:
        genome = form.to_genome(tree)
        again = form.from_genome(decode(encode(genome)))
        assert type(again) is creator.Tree
        assert [type(node) for node in again] == [type(node) for node in tree]
        assert (str(again), form.to_genome(again)) == (str(tree), genome)
    assert any(isinstance(type(node), gp.MetaEphemeral) for tree in trees for node in tree)


def test_renamed_arguments_and_constants_have_their_names():
    tree = gp.PrimitiveTree.from_string("add(x, sin(x))", PSET)
    form = Trees(PSET)
    assert form.to_genome(tree) == Expression(["add", "x", "sin", "x"], "add(x, sin(x))")
    constant = form.from_genome(["add", "x", ["small", -1]])
    assert str(constant) == "add(x, -1)"
    gp.mutEphemeral(constant, "all")
    assert constant[2].value in (-1, 0, 1)


def test_constants_of_floats_are_exact():
    pset = gp.PrimitiveSetTyped("typed", [float], float)
    pset.addPrimitive(divmod, [float, float], float)
    pset.addEphemeralConstant("tenth", random.random, float)
    pset.addTerminal(0.1, float)
    pset.addTerminal(True, bool)
    form = Trees(pset)
    genome = ["divmod", ["tenth", 0.1 + 0.2], "0.1"]
    tree = form.from_genome(decode(encode(genome)))
    assert [tree[1].value, tree[2].value] == [0.1 + 0.2, 0.1]
    assert form.to_genome(tree) == Expression(genome, "divmod(0.30000000000000004, 0.1)")
    assert form.to_genome(form.from_genome(["True"])).nodes == ["True"]


def test_reading_a_tree_draws_nothing():
    before = random.getstate()
    Trees(PSET).from_genome([["small", 1]])
    assert random.getstate() == before


@each(
    "genome",
    [
        ["add", "x", "exp"],
        ["add", "x", ["large", 1]],
        ["small"],
        [["add", 1]],
        ["__import__('os')"],
    ],
)
def test_unknown_nodes_are_refused(genome):
    with pytest.raises(EvollmError, match="the primitive set MAIN has no node"):
        Trees(PSET).from_genome(genome)


@each("genome", [[], ["add", "x"], ["x", "x"], ["sin", "x", "add", "x", "x"]])
def test_fragments_are_refused(genome):
    with pytest.raises(EvollmError, match="must be a complete tree"):
        Trees(PSET).from_genome(genome)


def test_a_node_of_another_set_is_refused():
    tree = gp.PrimitiveTree.from_string("add(x, 7)", PSET)
    with pytest.raises(EvollmError, match="the primitive set MAIN lacks '7': add it"):
        Trees(PSET).to_genome(tree)


def carrying():
    individual = creator.Bits([1, 0])
    individual.strategy = creator.Steps([0.5, 2.0])
    individual.speed = np.array([1.0, 3.0])
    individual.best = None
    individual.name = "first"
    return individual


def test_attributes_are_kept_and_the_fitness_is_not():
    individual = carrying()
    individual.fitness.values = (1.0,)
    form = Plain(creator.Bits, kinds={"strategy": creator.Steps})
    genome = form.to_genome(individual)
    assert genome == Attributed(
        [1, 0],
        {"strategy": [0.5, 2.0], "speed": np.array([1.0, 3.0]), "best": None, "name": "first"},
    )
    again = form.from_genome(decode(encode(genome)))
    assert (type(again), again) == (creator.Bits, [1, 0])
    assert (type(again.strategy), again.strategy) == (creator.Steps, individual.strategy)
    assert again.speed.tolist() == [1.0, 3.0]
    assert (again.best, again.name, again.fitness.valid) == (None, "first", False)
    again.speed[0] = 9.0
    assert genome.attributes["speed"][0] == 1.0


def test_attributes_can_be_dropped():
    form = Plain(creator.Bits, drop=("strategy", "speed", "best"))
    assert form.to_genome(carrying()).attributes == {"name": "first"}


def test_attributes_of_trees_and_arrays_are_kept():
    tree = creator.Tree(gp.PrimitiveTree.from_string("add(x, x)", PSET))
    point = creator.Point([1.0, 2.0])
    for individual, form in ((tree, Trees(PSET, creator.Tree)), (point, Plain(creator.Point))):
        individual.age = 3
        again = form.from_genome(decode(encode(form.to_genome(individual))))
        assert (type(again), again.age) == (type(individual), 3)
        assert list(again) == list(individual)


def test_an_attribute_that_no_record_keeps_is_named():
    individual = creator.Bits([1])
    individual.network = random.Random(1)
    with pytest.raises(
        EvollmError,
        match=r"can't hold the attribute 'network' of an individual, a Random: .*"
        r"Plain\(Bits, drop=\('network',\)\)",
    ):
        Plain(creator.Bits).to_genome(individual)
    best = creator.Bits([0])
    best.fitness.values = (1.0,)
    individual = creator.Bits([1])
    individual.best = best
    with pytest.raises(EvollmError, match="the attribute 'best' of an individual, a Bits"):
        Plain(creator.Bits).to_genome(individual)


def test_a_class_without_attributes_is_refused():
    with pytest.raises(EvollmError, match="a list can't have the attribute 'age'"):
        Plain(list).from_genome(Attributed([1], {"age": 3}))


def test_lists_of_trees_return():
    form = Several((Trees(PSET, creator.Tree), Trees(PSET)), creator.Bits)
    individual = creator.Bits(
        [
            creator.Tree(gp.PrimitiveTree.from_string("add(x, x)", PSET)),
            gp.PrimitiveTree.from_string("sin(x)", PSET),
        ]
    )
    genome = form.to_genome(individual)
    assert [str(part) for part in genome] == ["add(x, x)", "sin(x)"]
    again = form.from_genome(decode(encode(genome)))
    assert [type(part) for part in (again, *again)] == [
        creator.Bits,
        creator.Tree,
        gp.PrimitiveTree,
    ]
    assert again == individual
    with pytest.raises(EvollmError, match="of 1 parts does not fit"):
        form.to_genome(individual[:1])
    with pytest.raises(EvollmError, match=r"a Bits is not a gp.PrimitiveTree: .* such as Several"):
        Trees(PSET).to_genome(individual)
