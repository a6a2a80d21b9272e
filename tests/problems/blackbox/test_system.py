import json
import re

import numpy as np
import pytest

from evollm import Budget, EvollmError, Threads
from evollm.llm.scripted import Scripted
from evollm.testing import SystemKit
from problems.blackbox.ask_tell import _key
from problems.blackbox.bbob import bbob
from problems.blackbox.controls import Control
from problems.blackbox.framed import Framed
from problems.blackbox.interface.minimizing import maximize, minimize
from problems.blackbox.paper import Paper
from problems.blackbox.space import Category, Integer, Real
from problems.blackbox.system import EvoLLM
from tests.support_each import checks, each

BOX = [(-5, 5), (-5, 5)]


def sphere(x):
    return float(((x - 1) ** 2).sum())


def midway(prompt, sample, options):
    """Answer the mean of the last three rows."""
    rows = [[int(n) for n in re.findall(r"\d+", row)] for row in prompt.strip().split("\n")[-3:]]
    return ",".join(f"{int(n):02d}" for n in np.mean(rows, axis=0))


MODEL = Scripted(midway)


def test_three_lines_find_a_minimum_as_scipy_would_say_it():
    found = minimize(sphere, BOX, 150, model=MODEL)
    assert found.nfev == 150
    assert found.fun == sphere(found.x) < 0.1
    assert "150 evaluations" in found.message
    assert found.fallback_share == 0.0


@each("strategy", [Framed(), Paper(block=2, constrain=True)])
def test_to_maximise_is_to_minimise_the_negative(strategy):
    model = Scripted(lambda prompt, i, options: "40,60")
    low = minimize(sphere, BOX, 40, model=model, seed=2, strategy=strategy)
    high = maximize(lambda x: -sphere(x), BOX, 40, model=model, seed=2, strategy=strategy)
    assert np.array_equal(low.x, high.x)
    assert low.fun == -high.fun


def test_the_same_call_on_a_folder_goes_on_and_ends_where_a_whole_run_does(tmp_path):
    system = EvoLLM(sphere, BOX, model=MODEL)
    system.run(Budget(evaluations=33), seed=4, path=tmp_path)
    resumed = EvoLLM(sphere, BOX, model=MODEL).run(Budget(evaluations=80), seed=4, path=tmp_path)
    whole = system.run(Budget(evaluations=80), seed=4)
    assert resumed.usage.evaluations == 80
    assert resumed.best.genome.tolist() == whole.best.genome.tolist()
    assert [one.id for one in resumed.population] == [one.id for one in whole.population]


def test_threads_change_nothing():
    system = EvoLLM(sphere, BOX, model=MODEL)
    one, two = (system.run(Budget(60), executor=e) for e in (None, Threads(4)))
    assert one.best.genome.tolist() == two.best.genome.tolist()


def test_a_loop_of_ones_own_asks_for_points_and_tells_values():
    system = EvoLLM(sphere, BOX, model=MODEL)
    search = system.start(Budget(60), seed=1)
    while not search.stop():
        points = search.ask()
        assert all(isinstance(point, np.ndarray) for point in points)
        backwards = [point.copy() for point in points[::-1]]
        search.tell(backwards, [sphere(point) for point in backwards])
    assert search.ask() == []
    whole = system.found(system.run(Budget(60), seed=1))
    assert np.array_equal(search.found.x, whole.x)
    assert search.found.nfev == 60


def test_points_may_be_told_in_parts_and_no_others_can_be():
    search = EvoLLM(sphere, BOX, model=MODEL).start(Budget(20))
    points = search.ask()
    search.tell(points[:3], [1.0, 2.0, 3.0])
    with pytest.raises(EvollmError, match="is not waiting"):
        search.tell(points[:1], [1.0])
    with pytest.raises(EvollmError, match="1 values"):
        search.tell(points[3:5], [1.0])
    assert len(search.ask()) == len(points) - 3


@each("bad", ["3.0", None, [1.0, 2.0], "x", (object(), 1.0), (1.0, 2.0, 3.0)])
def test_a_value_that_is_none_loses_nothing(bad):
    search = EvoLLM(sphere, BOX, model=MODEL).start(Budget(20))
    points = search.ask()
    with pytest.raises(EvollmError) as caught:
        search.tell(points[:3], [1.0, bad, 2.0])
    assert str(points[1]) in str(caught.value)
    waiting = search.ask()
    assert np.array_equal(waiting, points)
    search.tell(points, [sphere(point) for point in points])
    while not search.stop():
        points = search.ask()
        search.tell(points, [sphere(point) for point in points])
    assert search.found.nfev == 20
    assert search.result.usage.failed == 0


def test_what_was_never_asked_loses_nothing_either():
    search = EvoLLM(sphere, BOX, model=MODEL).start(Budget(20))
    points = search.ask()
    for wrong in (None, np.array([9.0, 9.0]), "ab", points[0]):
        with pytest.raises(EvollmError, match="is not waiting"):
            search.tell([points[0], wrong], [1.0, 1.0])
    search.tell(points, [1.0] * len(points))
    assert search.result.usage.evaluations == len(points)


def test_points_are_matched_by_value_in_whatever_form_they_come_back():
    space = {
        "rate": Real(1e-4, 1.0, log=True),
        "depth": Integer(1, 9),
        "kind": Category(("tree", "net", None, ("a", 1))),
    }

    def sent(point):
        return json.loads(json.dumps(point, sort_keys=True))

    def typed(point):
        return {"kind": point["kind"], "rate": np.float64(point["rate"]), "depth": point["depth"]}

    def floating(point):
        return {**point, "depth": float(point["depth"])}

    def numpy(point):
        return {**point, "depth": np.int64(point["depth"])}

    ways = [sent, typed, floating, numpy]
    search = EvoLLM(sphere, space, model=MODEL).start(Budget(24))
    while not search.stop():
        points = search.ask()
        told = [ways[i % 4](point) for i, point in enumerate(points)]
        search.tell(told, [point["depth"] for point in points])
    assert search.found.fun == min(search.found.x["depth"], 9)
    points = EvoLLM(sphere, space, model=MODEL).start(Budget(24)).ask()
    assert _key(sent(points[0])) != _key({**points[0], "depth": points[0]["depth"] + 1})
    assert _key({"a": 1}) != _key({"b": 1})


@each("form", [list, tuple, lambda point: np.float64(point[0]), np.array])
def test_vectors_are_matched_by_value_too(form):
    search = EvoLLM(lambda x: x[0] ** 2, [(-1, 1)], model=MODEL).start(Budget(8))
    while not search.stop():
        points = search.ask()
        search.tell([form(point) for point in points], [float(point[0] ** 2) for point in points])
    assert search.found.nfev == 8


def test_what_is_told_of_one_point_is_told_in_lists():
    for space in (BOX, {"a": (-5, 5), "b": (-5, 5)}):
        search = EvoLLM(sphere, space, model=MODEL).start(Budget(20))
        with pytest.raises(EvollmError, match="nothing was evaluated yet"):
            _ = search.found
        points = search.ask()
        for wrong in ((points[0], 1.0), (points, 1.0), (points[0], [1.0] * len(points[0]))):
            with pytest.raises(EvollmError, match=r"tell\(\[point\], \[value\]\)|is not waiting"):
                search.tell(*wrong)
        search.tell(points[:1], [1.0])
        assert search.found.fun == 1.0


def test_mixed_spaces_hand_out_dicts_everywhere():
    space = {
        "rate": Real(1e-4, 1.0, log=True),
        "depth": Integer(1, 9),
        "kind": Category(("tree", "net")),
    }

    def loss(point):
        return abs(np.log10(point["rate"]) + 2) + abs(point["depth"] - 4) + (point["kind"] == "net")

    first = {"rate": 0.1, "depth": 2, "kind": "net"}
    seen = []
    found = minimize(
        lambda point: seen.append(point) or loss(point), space, 120, model=MODEL, x0=first
    )
    assert seen[0] == {**first, "rate": pytest.approx(0.1)}
    assert found.fun == loss(found.x) < 1.0
    assert set(found.x) == set(space)
    search = EvoLLM(loss, space, model=MODEL).start(Budget(25))
    while not search.stop():
        points = search.ask()
        search.tell(points, [loss(point) for point in points])
    assert search.found.nfev == 25


@each("start", [[1.0, 2.0], np.array([1.0, 2.0]), [[1.0, 2.0]], np.ones((2, 2))])
def test_starting_points_come_alone_or_several(start):
    seen = []
    minimize(lambda x: seen.append(x) or sphere(x), BOX, 8, model=MODEL, x0=start)
    wanted = np.atleast_2d(start)
    assert np.array(seen[: len(wanted)]) == pytest.approx(wanted)


@each(
    ("start", "word"),
    [([9.0, 0.0], "must be between"), ([1.0], "2 numbers"), ([[1.0, 2.0], [1.0]], "2 n")],
)
def test_a_start_outside_of_the_box_is_refused_before_anything_runs(start, word):
    with pytest.raises(EvollmError, match=word):
        EvoLLM(sphere, BOX, model=MODEL, x0=start)


def test_a_ready_problem_brings_its_space():
    problem, _, optimum = bbob("sphere", 2)
    system = EvoLLM(problem, model=MODEL)
    found = system.found(system.run(Budget(100)))
    assert optimum < found.fun < optimum + 1


def test_the_share_of_stand_ins_is_reported_for_both_strategies():
    def first_only(prompt, i, options):
        return "40,60" if i == 0 else "?"

    found = minimize(
        sphere, BOX, 30, model=Scripted(first_only), strategy=Framed(offspring=4, constrain=False)
    )
    assert found.fallback_share == pytest.approx(0.75)

    answers = {}

    def by_block(prompt, i, options):
        return answers.setdefault(prompt, ["40", "?"][len(answers) % 2])

    paper = EvoLLM(sphere, BOX, model=Scripted(by_block), strategy=Paper(block=1))
    result = paper.run(Budget(30))
    assert result.fallback_share == pytest.approx(0.5)


def test_a_search_with_no_good_evaluation_says_why():
    def broken(x):
        raise ValueError("out of tune")

    with pytest.raises(EvollmError, match="out of tune"):
        minimize(broken, BOX, 30, model=MODEL)
    with pytest.raises(EvollmError, match="out of tune"):
        minimize(broken, BOX, 5, model=MODEL)


def test_settings_and_seed_are_in_the_record():
    strategy = Paper(population=3, block=1)
    model = Scripted(lambda *_: "50")
    result = EvoLLM(sphere, BOX, model=model, strategy=strategy).run(Budget(15), seed=9)
    config = result.record.get("config")
    assert (config["seed"], config["strategy"]) == (9, "Paper")
    assert config["Paper"]["population"] == 3
    assert config["Paper"]["form"]["resolution"] == 1000


def case(given):
    kind = given
    strategy = {"paper": Paper(warmup=1), "control": Control("hill")}.get(kind)
    model = None if kind == "control" else Scripted(lambda prompt, i, options: "40,60")
    maximize = kind == "maximized"
    return lambda: EvoLLM(sphere, BOX, model=model, strategy=strategy, maximize=maximize), 36


@each("given", ["framed", "paper", "maximized", "control"])
@each("check", checks(SystemKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)


def test_points_that_are_told_are_shown_in_their_own_units(tmp_path):
    with EvoLLM(sphere, BOX, strategy=Control("random")).start(Budget(5), path=tmp_path) as search:
        points = search.ask()
        search.tell(points, [sphere(point) for point in points])
    table = search.result.dataframe()
    assert table["value"].tolist() == [sphere(point) for point in points]
    assert table["text"].tolist() == [str(point) for point in points]
