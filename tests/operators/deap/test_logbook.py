"""The log of a run is DEAP's."""

from operator import attrgetter

import numpy as np
import pytest
from deap import creator, tools

from evollm import Budget, EvollmError, run
from evollm.algorithms.classic import ea_simple
from operators.deap.logbook import DeapLog
from operators.deap.toolbox import from_toolbox
from tests.operators.deap.support_boxes import onemax, quartic, sphere


def statistics(key):
    stats = tools.Statistics(key)
    stats.register("mean", np.mean)
    stats.register("max", np.max)
    return stats


def bred(box, log, generations=5, path=None, **changes):
    parts = from_toolbox(box, **changes)
    flow = ea_simple(parts.start, parts.mate, parts.mutate, select=parts.select, size=12, seed=2)
    return run(
        flow, parts.problem, budget=Budget(generations=generations), callbacks=[log], path=path
    )


def test_a_run_is_logged_once_a_generation():
    stats = statistics(lambda view: view.fitness.values)
    log = DeapLog(stats, tools.HallOfFame(2), tools.Logbook(), objectives=(1.0,))
    found = bred(onemax(30), log)
    assert log.logbook.select("gen") == [0, 1, 2, 3, 4, 5]
    assert log.logbook.select("nevals")[0] == 12
    assert sum(log.logbook.select("nevals")) == found.usage.evaluations
    assert log.logbook[-1]["mean"] == np.mean([one.fitness for one in found.population])
    table = found.dataframe()
    assert log.logbook.select("nevals") == table.groupby("step").size().tolist()
    assert log.halloffame[0].evollm_id == found.best.id
    assert log.halloffame[1].fitness.values[0] <= found.fitness
    assert "gen" in str(log.logbook.stream)
    assert log.logbook.header == ["gen", "nevals", "mean", "max"]


def test_statistics_of_several_things():
    stats = tools.MultiStatistics(
        error=statistics(lambda view: view.fitness.values), size=statistics(len)
    )
    log = DeapLog(stats, tools.ParetoFront(), tools.Logbook(), objectives={"obj0": -1.0})
    found = bred(quartic(), log)
    assert log.logbook.chapters["size"].select("max")[-1] == max(
        len(one.genome) for one in found.population
    )
    least = min(one.metrics["obj0"] for one in found.population)
    assert log.halloffame[0].fitness.values[0] <= least


def test_a_continued_run_is_logged_from_where_it_goes_on(tmp_path):
    whole = DeapLog(logbook=tools.Logbook(), halloffame=tools.HallOfFame(1))
    bred(onemax(30), whole, 6)
    bred(onemax(30), DeapLog(), 3, tmp_path)
    again = DeapLog(logbook=tools.Logbook(), halloffame=tools.HallOfFame(1))
    found = bred(onemax(30), again, 6, tmp_path)
    entries = zip(again.logbook.select("gen"), again.logbook.select("nevals"), strict=True)
    after = {gen: nevals for gen, nevals in entries if gen > 3}
    assert sorted(after) == [4, 5, 6]
    assert [after[gen] for gen in (4, 5, 6)] == whole.logbook.select("nevals")[4:]
    assert [list(one) for one in again.halloffame] == [list(one) for one in whole.halloffame]
    assert again.halloffame[0].fitness.values == (found.fitness,)


def test_failed_individuals_are_left_out():
    def evaluate(individual):
        return (1.0 / individual[0],)

    box = onemax(3)
    box.register("evaluate", evaluate)
    stats = statistics(lambda view: view.fitness.values)
    log = DeapLog(stats, tools.HallOfFame(9), tools.Logbook())
    found = bred(box, log, generations=2)
    assert found.usage.failed
    assert log.logbook.select("mean") == [1.0] * 3
    failed = {one.id for one in found.population if one.error is not None}
    assert not failed & {one.evollm_id for one in log.halloffame}


def test_a_toolboxs_objectives_and_class_need_no_saying():
    stats = statistics(lambda tree: tree.fitness.values)
    log = DeapLog(stats, tools.HallOfFame(1), tools.Logbook())
    found = bred(quartic(), log)
    assert type(log.halloffame[0]) is creator.Tree
    assert log.halloffame[0].fitness.values == (-found.fitness,)
    errors = [one.metrics["obj0"] for one in found.population]
    assert log.logbook[-1]["max"] == max(errors)


def test_evaluations_are_counted_over_a_cut_within_a_generation(tmp_path):
    whole, again = DeapLog(logbook=tools.Logbook()), DeapLog(logbook=tools.Logbook())
    found = bred(onemax(30), whole, 3)
    cut = sum(whole.logbook.select("nevals")[:2]) + 3

    def part(budget, log):
        parts = from_toolbox(onemax(30))
        flow = ea_simple(
            parts.start, parts.mate, parts.mutate, select=parts.select, size=12, seed=2
        )
        return run(flow, parts.problem, budget=budget, callbacks=[log], path=tmp_path)

    assert (
        part(Budget(evaluations=cut), DeapLog()).usage.evaluations == cut < found.usage.evaluations
    )
    part(Budget(generations=3), again)
    assert again.logbook.select("gen") == [1, 2, 3]
    assert again.logbook.select("nevals") == whole.logbook.select("nevals")[1:]


def test_statistics_that_do_not_fit_are_one_sentence():
    log = DeapLog(statistics(attrgetter("height")), logbook=tools.Logbook())
    with pytest.raises(EvollmError, match=r"the statistics can't be computed .*the class Bits$"):
        bred(onemax(5), log)


def test_a_hall_of_fame_that_compares_arrays_says_how():
    with pytest.raises(EvollmError, match=r"for arrays use HallOfFame.*similar=numpy.array_equal"):
        bred(sphere(), DeapLog(halloffame=tools.HallOfFame(2)))
    fame = tools.HallOfFame(2, similar=np.array_equal)
    found = bred(sphere(), DeapLog(halloffame=fame))
    assert type(fame[0]) is creator.Point
    assert np.array_equal(fame[0], found.best.genome)
