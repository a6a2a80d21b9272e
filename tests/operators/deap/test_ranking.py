"""DEAP's selection, statistics and archives on the engine's individuals."""

import copy
import pickle
import random
from functools import partial

import numpy as np
import pytest
from deap import creator, gp, tools

from evollm import Candidate, EvollmError, Individual, Outcome
from operators.deap.individuals import Plain, Trees
from operators.deap.ranking import as_deap, from_select, weighted
from operators.deap.toolbox import from_toolbox
from tests.operators.deap.support_boxes import PSET, knapsack, onemax, quartic
from tests.support_each import each

RNG = np.random.default_rng


def individual(number, fitness, genome=None, error=None, **metrics):
    genome = [number] if genome is None else genome
    return Individual(
        Candidate(number, genome, (), "test", 0), Outcome(fitness, metrics, error=error)
    )


def ids(individuals):
    return [one.id for one in individuals]


POOL = [individual(i, float(i * 7 % 10), cost=float(i * 3 % 10)) for i in range(10)]
FAILED = [individual(90 + i, 0.0, error="it failed") for i in range(3)]


@each(
    ("objectives", "weights"),
    [
        ({"a": 1, "b": -2.0}, {"a": 1.0, "b": -2.0}),
        (["a", "b"], {"a": 1.0, "b": 1.0}),
        ((1.0, -1.0), {"obj0": 1.0, "obj1": -1.0}),
        ("cost", {"cost": 1.0}),
    ],
)
def test_objectives_have_names_and_weights(objectives, weights):
    assert weighted(objectives) == weights


@each("objectives", [{}, [], {"a": 0}, {"a": "b"}, [None], (float("nan"),)])
def test_what_are_no_objectives_is_refused(objectives):
    for make in (weighted, partial(from_select, tools.selBest), partial(as_deap, [])):
        with pytest.raises(EvollmError, match="are not objectives: give names"):
            make(objectives)


def test_views_have_the_values_and_compare_by_weight():
    low, high = as_deap([individual(1, 2.0, cost=3.0), individual(2, 2.0, cost=5.0)], {"cost": -1})
    assert (low.fitness.values, high.fitness.values) == ((3.0,), (5.0,))
    assert low.fitness > high.fitness
    assert low.fitness.valid
    two = as_deap(POOL, {"fitness": 1.0, "cost": -1.0})
    assert two[3].fitness.values == (1.0, 9.0)
    assert type(two[0].fitness) is type(two[1].fitness)


def test_views_are_sequences_that_compare_by_genome():
    one, same, other = as_deap(
        [individual(1, 0.0, [1, 2]), individual(2, 1.0, [1, 2]), individual(3, 0.0, [1, 3])]
    )
    assert one == same
    assert one != other
    assert one != [1, 2]
    assert (len(one), list(one), one[1], one[:1], repr(one)) == (2, [1, 2], 2, [1], "[1, 2]")
    array, twin = as_deap([individual(1, 0.0, np.ones(3)), individual(2, 0.0, np.ones(3))])
    assert array == twin
    mixed = as_deap([individual(i, 0.0, [np.arange(2), (i,)]) for i in range(2)])
    assert mixed[0] != mixed[1]
    again = copy.deepcopy(one)
    assert again == one
    again.fitness.values = (9.0,)
    assert one.fitness.values == (0.0,)


def test_failed_individuals_have_no_values():
    failed, unknown, sound = as_deap(
        [FAILED[0], individual(1, 0.0, cost=float("nan")), POOL[0]], ["fitness", "cost"]
    )
    assert not failed.fitness.valid
    assert not unknown.fitness.valid
    assert failed.fitness < sound.fitness
    assert sound.fitness.valid


def test_a_missing_metric_is_refused():
    with pytest.raises(EvollmError, match="individual 4 has no metric 'size' but cost, fitness:"):
        as_deap([POOL[4]], {"size": -1.0})
    with pytest.raises(EvollmError, match="has no metric 'size'"):
        from_select(tools.selNSGA2, ["fitness", "size"])(POOL, 3, RNG(0))


def test_the_hall_of_fame_keeps_the_best_once():
    fame = tools.HallOfFame(3)
    fame.update(as_deap(POOL))
    fame.update(as_deap(POOL))
    assert ids(view.individual for view in fame) == [7, 4, 1]
    front = tools.ParetoFront()
    front.update(as_deap(POOL, {"fitness": 1.0, "cost": -1.0}))
    assert {view.fitness.values for view in front} == {
        (one.fitness, one.metrics["cost"])
        for one in POOL
        if not any(
            other.fitness >= one.fitness and other.metrics["cost"] <= one.metrics["cost"]
            for other in POOL
            if other is not one
        )
    }


def test_statistics_compile():
    stats = tools.Statistics(lambda view: view.fitness.values)
    stats.register("mean", np.mean)
    stats.register("max", np.max)
    assert stats.compile(as_deap(POOL)) == {"mean": 4.5, "max": 9.0}


@each(
    "rule",
    [
        tools.selBest,
        tools.selWorst,
        tools.selRandom,
        tools.selRoulette,
        tools.selStochasticUniversalSampling,
        partial(tools.selTournament, tournsize=3),
        partial(tools.selDoubleTournament, fitness_size=3, parsimony_size=1.4, fitness_first=True),
        tools.selLexicase,
        tools.selNSGA2,
        tools.selSPEA2,
    ],
)
def test_every_rule_of_deap_selects_as_on_its_own_individuals(rule):
    select = from_select(rule, {"fitness": 1.0, "cost": -1.0})
    before = random.getstate()
    chosen = select(POOL, 5, RNG(3))
    assert ids(chosen) == ids(select(POOL, 5, RNG(3)))
    assert random.getstate() == before
    assert all(one in POOL for one in chosen)
    random.seed(int(RNG(3).integers(2**53)))
    own = rule(as_deap(POOL, {"fitness": 1.0, "cost": -1.0}), 5)
    random.setstate(before)
    assert ids(chosen) == ids(view.individual for view in own)


def test_failed_individuals_come_last():
    for rule in (tools.selBest, tools.selNSGA2):
        select = from_select(rule)
        assert not set(ids(select(POOL + FAILED, 10, RNG(0)))) & set(ids(FAILED))
        assert set(ids(select(FAILED + POOL, 12, RNG(0)))[10:]) < set(ids(FAILED))
    tournament = from_select(partial(tools.selTournament, tournsize=2))
    assert all(one.error is None for one in tournament(POOL + FAILED, 50, RNG(1)))
    assert set(ids(tournament(FAILED, 3, RNG(1)))) == set(ids(FAILED))


def test_a_toolboxs_parts_make_its_own_individuals():
    parts = from_toolbox(quartic())
    genome = parts.form.to_genome(gp.PrimitiveTree.from_string("add(x, sin(x))", PSET))
    sound, failed = as_deap(
        [individual(4, -0.5, genome, obj0=0.5), individual(5, 0.0, genome, error="no")], parts
    )
    assert type(sound) is creator.Tree
    assert type(sound.fitness) is creator.Smallest
    assert (sound.fitness.values, failed.fitness.valid, sound.evollm_id) == ((0.5,), False, 4)
    assert (str(sound), sound.height, len(sound)) == ("add(x, sin(x))", 2, 4)
    assert gp.compile(sound, PSET)(0.5) == gp.compile(genome, PSET)(0.5) == 0.5 + np.sin(0.5)
    again = pickle.loads(pickle.dumps(sound))
    assert (type(again), str(again), again.fitness) == (creator.Tree, str(sound), sound.fitness)
    assert parts.form.to_genome(sound) == genome
    sound[1] = PSET.mapping["x"]
    assert as_deap([individual(4, 0.0, genome, obj0=0.0)], parts)[0] != sound[:1]


def test_a_genome_that_needs_its_form_is_refused_without():
    genome = Trees(PSET).to_genome(gp.PrimitiveTree.from_string("add(x, x)", PSET))
    with pytest.raises(
        EvollmError, match=r"of individual 4 needs the toolbox's form.*as_deap\(individuals, p"
    ):
        as_deap([individual(4, 0.0, genome)])
    (tree,) = as_deap([individual(4, 2.0, genome)], form=Trees(PSET, creator.Tree))
    assert (str(tree), tree.fitness.values) == ("add(x, x)", (2.0,))
    assert tree.fitness.weights == (1.0,)


def test_an_archive_can_be_pickled():
    for objectives, form in (
        (onemax_parts(), None),
        (["fitness"], None),
        (["fitness"], Plain(list)),
    ):
        fame = tools.HallOfFame(3)
        fame.update(as_deap([individual(i, i, [i, 1], obj0=i) for i in range(5)], objectives, form))
        again = pickle.loads(pickle.dumps(fame))
        assert (
            [list(one) for one in again] == [list(one) for one in fame] == [[4, 1], [3, 1], [2, 1]]
        )
        assert [one.fitness.values for one in again] == [(4.0,), (3.0,), (2.0,)]
        again.update(as_deap([individual(9, 9.0, [9, 1], obj0=9)], objectives, form))
        assert [one.evollm_id for one in again] == [9, 4, 3]


def onemax_parts():
    return from_toolbox(onemax(2))


def test_the_tournament_by_dominance_finds_its_distances():
    parts = from_toolbox(knapsack(), names=("weight", "value"))
    pool = [individual(i, -1.0 * i, [i], weight=i % 5, value=i) for i in range(8)]
    chosen = from_select(tools.selTournamentDCD, parts)(pool, 8, RNG(1))
    assert len(chosen) == 8
    assert all(one in pool for one in chosen)
    with pytest.raises(EvollmError, match="selTournamentDCD failed with ValueError"):
        from_select(tools.selTournamentDCD, parts)(pool, 9, RNG(1))


def test_a_rule_that_clones_or_reads_attributes_selects():
    def tallest(individuals, k):
        return [copy.deepcopy(one) for one in sorted(individuals, key=lambda one: -one.height)[:k]]

    parts = from_toolbox(quartic())
    pool = [
        individual(i, 0.0, parts.form.to_genome(gp.PrimitiveTree.from_string(code, PSET)), obj0=0.0)
        for i, code in enumerate(["x", "sin(sin(x))", "sin(x)"])
    ]
    assert ids(from_select(tallest, parts)(pool, 2, RNG(0))) == [1, 2]
    with pytest.raises(EvollmError, match="returned a Bits that it was not given"):
        from_select(lambda pool, k: [creator.Bits([1])], parts)(pool, 2, RNG(0))
