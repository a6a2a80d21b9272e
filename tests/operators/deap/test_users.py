"""What DEAP's users write works as they know it: toolboxes of DEAP's own examples, end to end."""

import array
import copy
import operator
import pickle
import random
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from deap import base, creator, gp, tools

from evollm import Budget, EvollmError, Search, run
from evollm.algorithms.classic import ea_simple
from evollm.algorithms.generations import generational, nsga2
from evollm.algorithms.mating import Mating
from evollm.executors.base import Serial, Threads
from evollm.executors.cluster import Ray
from evollm.executors.processes import Processes
from operators.deap import DeapLog, Plain, as_deap, from_toolbox
from operators.variation import MateAndMutate
from tests.operators.deap.support_boxes import PSET, knapsack, onemax, quartic

creator.create("Evolved", array.array, typecode="d", fitness=creator.Smallest, strategy=None)
creator.create("Strategy", array.array, typecode="d")
creator.create("Order", array.array, typecode="i", fitness=creator.Smallest)
creator.create("Network", list, fitness=creator.Largest)
creator.create("Branches", list, fitness=creator.Smallest)


def bred(box, log=None, *, size=16, generations=4, path=None, executor=None, **changes):
    parts = from_toolbox(box, **changes)
    flow = ea_simple(parts.start, parts.mate, parts.mutate, select=parts.select, size=size, seed=3)
    found = run(
        flow,
        parts.problem,
        budget=Budget(generations=generations),
        callbacks=[log] if log else [],
        path=path,
        executor=executor,
    )
    return parts, found


def toolbox(individual, evaluate, mate, mutate):
    box = base.Toolbox()
    box.individual = individual
    box.register("evaluate", evaluate)
    box.mate, box.mutate = mate, mutate
    box.register("select", tools.selTournament, tournsize=3)
    return box


def test_a_hall_of_fame_of_trees_compiles_pickles_and_draws():
    box = quartic()
    box.register("compile", gp.compile, pset=PSET)
    fame = tools.HallOfFame(3)
    sizes = tools.MultiStatistics(
        error=tools.Statistics(lambda tree: tree.fitness.values),
        size=tools.Statistics(len),
        height=tools.Statistics(operator.attrgetter("height")),
    )
    sizes.register("max", np.max)
    log = DeapLog(sizes, fame, tools.Logbook())
    parts, found = bred(box, log)
    best = fame[0]
    assert type(best) is creator.Tree
    assert box.evaluate(best) == best.fitness.values == (-found.fitness,)
    assert box.compile(expr=best)(0.3) == box.compile(expr=found.best.genome)(0.3)
    assert str(best) == str(found.candidate(best.evollm_id).genome)
    again = pickle.loads(pickle.dumps(fame))
    assert [str(one) for one in again] == [str(one) for one in fame]
    assert len(gp.graph(best)[0]) == len(best)
    living = as_deap(found.population, parts)
    assert log.logbook.chapters["height"].select("max")[-1] == max(one.height for one in living)
    assert tools.selBest(living, 1)[0].fitness.values == (
        -max(o.fitness for o in found.population),
    )


def strategic():
    def individual():
        made = creator.Evolved(random.uniform(-3, 3) for _ in range(5))
        made.strategy = creator.Strategy(random.uniform(0.5, 3) for _ in range(5))
        return made

    def at_least(smallest):
        def decorator(function):
            def bounded(*args, **kargs):
                children = function(*args, **kargs)
                for child in children:
                    child.strategy = creator.Strategy(max(s, smallest) for s in child.strategy)
                return children

            return bounded

        return decorator

    box = base.Toolbox()
    box.register("individual", individual)
    box.register("mate", tools.cxESBlend, alpha=0.1)
    box.register("mutate", tools.mutESLogNormal, c=1.0, indpb=0.5)
    box.register("evaluate", lambda one: (sum(x * x for x in one),))
    box.register("select", tools.selTournament, tournsize=3)
    box.decorate("mate", at_least(0.4))
    box.decorate("mutate", at_least(0.4))
    return box


def test_an_evolution_strategy_keeps_its_strategies(tmp_path):
    fame = tools.HallOfFame(1)
    _, found = bred(strategic(), DeapLog(halloffame=fame), path=tmp_path)
    assert (type(fame[0]), type(fame[0].strategy)) == (creator.Evolved, creator.Strategy)
    assert list(fame[0].strategy) == found.best.genome.attributes["strategy"]
    widths = {tuple(one.genome.attributes["strategy"]) for one in found.population}
    assert len(widths) > 1
    assert all(s >= 0.4 for each in widths for s in each)
    _, longer = bred(strategic(), path=tmp_path, generations=7)
    _, whole = bred(strategic(), generations=7)
    assert [one.genome for one in longer.population] == [one.genome for one in whole.population]


def repairing(one):
    one[0] = 1
    return (sum(one),)


@pytest.mark.parametrize(
    "executor",
    [
        Serial,
        lambda: Threads(2),
        lambda: Processes(2),
        pytest.param(lambda: Ray(2), marks=pytest.mark.ray, id="ray"),
    ],
)
def test_a_repair_in_place_is_the_genome_that_was_scored(executor, tmp_path, request):
    if request.node.get_closest_marker("ray"):
        request.getfixturevalue("ray_session")
    box = onemax(12)
    box.register("evaluate", repairing)
    fame = tools.HallOfFame(1)
    for generations in (3, 4):  # the second call goes on from the record
        log = DeapLog(halloffame=fame)
        _, found = bred(box, log, generations=generations, path=tmp_path, executor=executor())
    assert sum(found.best.genome) == found.fitness == sum(fame[0]) == fame[0].fitness.values[0]
    table = found.dataframe()
    assert [sum(genome) for genome in table["genome"]] == table["fitness"].tolist()
    assert any(genome[0] == 1 for genome in table["genome"])
    _, alone = bred(box)
    assert [one.genome for one in alone.population] == [one.genome for one in found.population]
    assert all(one.genome[0] == 1 for one in found.population)


def test_an_unchanged_individual_is_no_repair():
    for box in (onemax(5), quartic(), strategic(), knapsack()):
        parts = from_toolbox(box)
        genomes = parts.start.vary([], 4, 1).genomes
        assert [one.genome for one in parts.problem.evaluate(genomes, None, 0)] == [None] * 4


def test_a_failed_evaluation_repairs_nothing():
    def fails(one):
        one[0] = 9
        raise ValueError("no")

    box = onemax(3)
    box.register("evaluate", fails)
    (outcome,) = from_toolbox(box).problem.evaluate([[0, 1, 0]], None, 0)
    assert (outcome.genome, outcome.fitness) == (None, -np.inf)


def test_attributes_that_an_evaluation_sets_are_kept():
    def described(one):
        one.behaviour = (one[0], sum(one))
        return (sum(one),)

    box = onemax(8)
    box.register("evaluate", described)
    fame = tools.HallOfFame(1)
    _, found = bred(box, DeapLog(halloffame=fame))
    assert (
        fame[0].behaviour == (fame[0][0], sum(fame[0])) == found.best.genome.attributes["behaviour"]
    )


def test_an_attribute_that_cannot_be_kept_is_refused_and_can_be_dropped():
    def learned(one):
        one.generator = random.Random(1)
        return (sum(one),)

    box = onemax(8)
    box.register("evaluate", learned)
    with pytest.raises(EvollmError, match=r"attribute 'generator'.*Plain\(Bits, drop="):
        bred(box)
    _, found = bred(box, form=Plain(creator.Bits, drop=("generator",)))
    assert isinstance(found.best.genome, list)


def test_permutations_stay_permutations():
    away = np.random.default_rng(0).random((9, 9))
    box = base.Toolbox()
    box.register("places", random.sample, range(9), 9)
    box.register("individual", tools.initIterate, creator.Order, box.places)
    box.register("evaluate", lambda one: (sum(away[a, b] for a, b in pairwise(one)),))
    box.register("mate", tools.cxPartialyMatched)
    box.register("mutate", tools.mutShuffleIndexes, indpb=0.1)
    box.register("select", tools.selTournament, tournsize=3)
    fame = tools.HallOfFame(1)
    _, found = bred(box, DeapLog(halloffame=fame))
    assert type(fame[0]) is creator.Order
    assert sorted(fame[0]) == list(range(9))
    assert box.evaluate(fame[0]) == fame[0].fitness.values == (-found.fitness,)


def test_individuals_of_changing_length():
    def wire():
        return (random.randrange(6), random.randrange(6))

    def grown(one):
        one.insert(random.randrange(len(one) + 1), wire())
        return (one,)

    box = toolbox(
        lambda: creator.Network(wire() for _ in range(random.randint(9, 12))),
        lambda one: (len(set(one)),),
        tools.cxTwoPoint,
        grown,
    )
    stats = tools.Statistics(len)
    stats.register("max", max)
    log = DeapLog(stats, tools.ParetoFront(), tools.Logbook())
    _, found = bred(box, log)
    assert log.logbook.select("max")[-1] == max(len(one.genome) for one in found.population)
    assert all(type(pair) is tuple for pair in log.halloffame[0])


def functions():
    """Return a toolbox with two automatically defined functions."""
    inner = gp.PrimitiveSet("ADF1", 2)
    outer = gp.PrimitiveSet("ADF0", 2)
    main = gp.PrimitiveSet("MAIN", 1)
    for pset in (inner, outer, main):
        pset.addPrimitive(operator.add, 2)
        pset.addPrimitive(operator.mul, 2)
    outer.addADF(inner)
    main.addADF(outer)
    main.addADF(inner)
    main.addEphemeralConstant("unit", partial(random.randint, -1, 1))
    main.renameArguments(ARG0="x")
    psets = (main, outer, inner)
    box = base.Toolbox()
    branches = []
    for pset in psets:
        box.register(f"expr_{pset.name}", gp.genFull, pset=pset, min_=1, max_=2)
        box.register(pset.name, tools.initIterate, creator.Tree, getattr(box, f"expr_{pset.name}"))
        branches.append(getattr(box, pset.name))
    box.register("individual", tools.initCycle, creator.Branches, branches)
    box.register("compile", gp.compileADF, psets=psets)

    def error(one):
        function = box.compile(expr=one)
        return (sum((function(x / 10) - x) ** 2 for x in range(5)),)

    def mate(one, other):
        for i, pair in enumerate(zip(one, other, strict=True)):
            one[i], other[i] = gp.cxOnePoint(*pair)
        return one, other

    def mutate(one):
        for i, (tree, pset) in enumerate(zip(one, psets, strict=True)):
            (one[i],) = gp.mutUniform(tree, expr=partial(gp.genFull, min_=1, max_=2), pset=pset)
        return (one,)

    box.register("evaluate", error)
    box.register("mate", mate)
    box.register("mutate", mutate)
    box.register("select", tools.selTournament, tournsize=3)
    return box


def test_automatically_defined_functions(tmp_path):
    box, fame = functions(), tools.HallOfFame(1)
    bred(box, path=tmp_path, generations=2)
    _, found = bred(box, DeapLog(halloffame=fame), path=tmp_path)
    assert [type(part) for part in (fame[0], *fame[0])] == [creator.Branches] + [creator.Tree] * 3
    assert box.evaluate(fame[0]) == fame[0].fitness.values == box.evaluate(found.best.genome)
    assert str(pickle.loads(pickle.dumps(fame))[0][0]) == str(fame[0][0])


def test_a_crossover_of_trees_on_lists_of_trees_is_one_sentence():
    box = functions()
    box.register("mate", gp.cxOnePoint)
    with pytest.raises(EvollmError, match="mate failed with AttributeError: 'Branches' object has"):
        bred(box)


def typed():
    pset = gp.PrimitiveSetTyped("typed", [float, float], bool, "IN")
    pset.addPrimitive(operator.and_, [bool, bool], bool)
    pset.addPrimitive(operator.lt, [float, float], bool)
    pset.addPrimitive(operator.mul, [float, float], float)
    pset.addEphemeralConstant("hundred", partial(random.uniform, 0, 100), float)
    pset.addTerminal(False, bool)
    pset.addTerminal(3.5, float, name="start")
    box = base.Toolbox()
    box.register("expr", gp.genHalfAndHalf, pset=pset, min_=1, max_=3)
    box.register("individual", tools.initIterate, creator.Tree, box.expr)
    box.register("compile", gp.compile, pset=pset)
    rows = [(a * 7.0, b * 9.0) for a in range(5) for b in range(5)]
    box.register("evaluate", lambda one: (sum(box.compile(one)(a, b) != (a < b) for a, b in rows),))
    box.register("mate", gp.cxOnePoint)
    box.register("mutate", gp.mutNodeReplacement, pset=pset)
    box.register(
        "select", tools.selDoubleTournament, fitness_size=3, parsimony_size=1.4, fitness_first=True
    )
    return box


def test_typed_trees_are_the_same_in_processes():
    box, fame = typed(), tools.HallOfFame(1)
    _, found = bred(box, DeapLog(halloffame=fame), executor=Processes(2))
    assert box.evaluate(fame[0]) == fame[0].fitness.values == (-found.fitness,)
    assert found.usage.failed == 0
    assert found.dataframe().equals(bred(box)[1].dataframe())


def test_a_penalty_sees_the_individuals_weights():
    box = onemax(10)
    box.decorate("evaluate", tools.DeltaPenalty(lambda one: one[0] == 1, -5.0))
    _, found = bred(box)
    table = found.dataframe()
    assert set(table["fitness"][[genome[0] == 0 for genome in table["genome"]]]) == {-5.0}


def test_a_history_finds_its_parents():
    box, history = onemax(10), tools.History()
    box.decorate("mate", history.decorator)
    box.decorate("mutate", history.decorator)
    bred(box)
    assert any(parents for parents in history.genealogy_tree.values())


class Route(list):
    """An individual of a user's own class, which takes the number of its places."""

    def __init__(self, size):
        super().__init__(random.sample(range(size), size))
        self.fitness = creator.Largest()


class Sampled(list):
    """One whose class draws items whatever it is given."""

    def __init__(self, items=()):
        super().__init__(random.random() for _ in range(5))
        self.fitness = creator.Largest()


def test_classes_that_are_not_made_of_their_items_are_refused():
    box = onemax(5)
    box.register("individual", Route, 5)
    with pytest.raises(EvollmError, match="a Route can't be made from a list"):
        from_toolbox(box)
    box.register("individual", Sampled)
    with pytest.raises(EvollmError, match="a Sampled restored from its genome differs"):
        from_toolbox(box)


def test_a_map_of_ones_own_is_named(caplog):
    box = onemax(5)
    from_toolbox(box)
    assert not caplog.records
    box.register("map", lambda function, *items: list(map(function, *items)))
    from_toolbox(box)
    assert caplog.messages == [
        "toolbox.map is not used: give run an executor, such as Processes(4)"
    ]


def test_individuals_of_ones_own_are_enqueued_by_their_form():
    parts = from_toolbox(onemax(20))
    flow = ea_simple(parts.start, parts.mate, parts.mutate, select=parts.select, size=6, seed=1)
    search = Search(flow).enqueue([parts.form.to_genome(creator.Bits([1] * 20))])
    assert run(search, parts.problem, budget=Budget(generations=1)).fitness == 20


def test_nsga2_with_a_toolboxs_operators():
    parts = from_toolbox(knapsack(), names=("weight", "value"))
    both = Mating(MateAndMutate(parts.mate, parts.mutate, cxpb=0.9, mutpb=0.3), brood=2)
    front = tools.ParetoFront()
    flow = nsga2(parts.start, both, parts.objectives, size=20, seed=1)
    run(flow, parts.problem, budget=Budget(generations=5), callbacks=[DeapLog(halloffame=front)])
    assert type(front[0]) is creator.Bag
    assert len(copy.deepcopy(front)) == len(pickle.loads(pickle.dumps(front))) == len(front) > 1
    assert all(knapsack().evaluate(one) == one.fitness.values for one in front)


def test_genomes_of_a_toolbox_are_keys():
    for box in (quartic(), strategic()):
        parts = from_toolbox(box)
        pair = Mating(MateAndMutate(parts.mate, parts.mutate, cxpb=0.9, mutpb=0.5), brood=2)
        flow = generational(parts.start, pair, size=8, seed=1, key=lambda genome: genome)
        found = run(flow, parts.problem, budget=Budget(generations=3))
        genomes = [one.genome for one in found.population if one.step]
        assert len(set(genomes)) == len(genomes)
