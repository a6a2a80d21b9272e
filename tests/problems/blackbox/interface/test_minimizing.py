"""``minimize`` as users of SciPy and pycma call it, on constrained and noisy functions too."""

import re

import numpy as np
import pytest

from evollm import Budget, EvollmError
from evollm.cli.main import main
from evollm.llm.scripted import Scripted
from evollm.report.curves import best_so_far
from evollm.store import queries, rows
from evollm.store.record import Record
from problems.blackbox import Earlier, EvoLLM, Noise, Paper, maximize, minimize
from problems.blackbox.controls import CONTROLS, Control
from problems.blackbox.framed import Framed
from tests.support_each import each

BOX = [(-5, 5)] * 2
HILL, RANDOM = Control("hill"), Control("random")


def sphere(x):
    return float(((x - 1) ** 2).sum())


def g06(x):
    """Floudas and Pardalos; the minimum is -6961.81388."""
    return (x[0] - 10) ** 3 + (x[1] - 20) ** 3


def narrow(x):
    return [100 - (x[0] - 5) ** 2 - (x[1] - 5) ** 2, (x[0] - 6) ** 2 + (x[1] - 5) ** 2 - 82.81]


def g08(x):
    """Schoenauer and Xanthakis; the minimum is -0.095825."""
    waves = np.sin(2 * np.pi * x[0]) ** 3 * np.sin(2 * np.pi * x[1])
    return -waves / (x[0] ** 3 * (x[0] + x[1]))


def wide(x):
    return [x[0] ** 2 - x[1] + 1, 1 - x[0] + (x[1] - 4) ** 2]


def corner(x):
    """At least 1 from the origin, so that the unconstrained minimum is infeasible."""
    return 1.0 - float(np.hypot(*x))


def midway(prompt, sample, options):
    """Answer the mean of the last three rows."""
    rows = [[int(n) for n in re.findall(r"\d+", row)] for row in prompt.strip().split("\n")[-3:]]
    return ",".join(f"{int(n):02d}" for n in np.mean(rows, axis=0))


def test_known_constrained_minima_are_found():
    found = minimize(g06, [(13, 100), (0, 100)], 500, constraints=narrow, strategy=Control("cma"))
    assert found.fun == pytest.approx(-6961.81388, rel=1e-2)
    assert (found.success, found.violation) == (True, 0.0)
    assert max(narrow(found.x)) <= 0
    best = min(
        minimize(g08, [(0.01, 10)] * 2, 300, constraints=wide, strategy=HILL, seed=seed).fun
        for seed in range(2)
    )
    assert best == pytest.approx(-0.095825, rel=0.05)


@each("strategy", [Framed(), Paper(), *map(Control, CONTROLS)])
def test_every_strategy_prefers_feasible_points(strategy):
    shown = []
    model = Scripted(lambda prompt, *more: shown.append(prompt) or midway(prompt, *more))
    found = minimize(
        lambda x: float((x**2).sum()),
        BOX,
        80,
        constraints=corner,
        strategy=strategy,
        model=model if isinstance(strategy, Framed) else Scripted(lambda *_: "600,600"),
    )
    assert found.success
    assert 1.0 <= found.fun < 9.0
    best = found.result.best
    for one in found.result.population:
        assert one.merit <= best.merit


def test_without_a_feasible_point_the_result_says_so_and_is_the_least_violation():
    found = minimize(sphere, BOX, 40, constraints=lambda x: x[0] ** 2 + 1, strategy=HILL)
    assert not found.success
    assert "no feasible point was found" in found.message
    table = found.result.dataframe()
    assert found.violation == table["metrics.violation"].min() == found.x[0] ** 2 + 1


@each(
    ("wrong", "word"),
    [("x < 1", "must be a function of a point"), (lambda x: float("nan"), "finite number")],
)
def test_wrong_constraints_are_named(wrong, word):
    with pytest.raises(EvollmError, match=word):
        minimize(sphere, BOX, 20, constraints=wrong, strategy=RANDOM)


def test_told_points_have_their_violations_too():
    search = EvoLLM(sphere, BOX, constraints=corner, strategy=RANDOM).start(Budget(20))
    while not search.stop():
        points = search.ask()
        search.tell(points, [sphere(point) for point in points])
    assert search.found.violation == max(0.0, corner(search.found.x)) == 0.0


def test_target_seconds_and_callback_end_a_search():
    found = minimize(sphere, BOX, 500, target=1.0, strategy=RANDOM)
    assert found.fun <= 1.0
    assert (found.success, found.message) == (True, "the target is reached")
    high = maximize(lambda x: -sphere(x), BOX, 500, target=-1.0, strategy=RANDOM)
    assert (high.nfev, high.fun) == (found.nfev, -found.fun)
    assert "seconds" in minimize(sphere, BOX, 10**6, seconds=0.01, strategy=RANDOM).message
    with pytest.raises(EvollmError, match="in the function's values"):
        minimize(sphere, BOX, Budget(50, target=1.0), strategy=RANDOM)
    assert minimize(sphere, BOX, Budget(generations=2), strategy=RANDOM).nfev == 15


def stopping(found):
    raise StopIteration


@each("ending", [lambda found: found.nfev >= 7, stopping])
def test_a_callback_sees_the_result_so_far(ending):
    seen = []
    found = minimize(
        sphere, BOX, 50, strategy=RANDOM, callback=lambda one: seen.append(one) or ending(one)
    )
    assert found.message == "the callback stopped the search"
    assert seen[-1].nfev <= found.nfev < 30
    assert all(one.nfev < 7 for one in seen[:-1])
    assert seen[-1].fun == min(one.fun for one in seen) >= found.fun
    with pytest.raises(EvollmError, match="callback must be"):
        minimize(sphere, BOX, 50, strategy=RANDOM, callback=[stopping])


def test_evaluations_count_calls_of_a_noisy_function():
    calls, rng = [], np.random.default_rng(0)

    def noisy(x):
        calls.append(x)
        return sphere(x) + rng.normal(scale=2.0)

    found = minimize(noisy, BOX, 200, noise=Noise(repeats=4, elite=2), strategy=HILL)
    assert found.nfev == len(calls) == 200
    assert found.result.usage.evaluations == 50
    assert 0.1 < found.standard_error < 2.0
    with pytest.raises(EvollmError, match="too few for a point that takes 4"):
        minimize(noisy, BOX, 3, noise=Noise(repeats=4), strategy=HILL)


class Seeded:
    seeded = True

    def __call__(self, x, seed):
        return float(np.random.default_rng([seed, 1]).normal())


def test_a_function_may_take_the_seed_of_each_repetition():
    one, two = (
        minimize(Seeded(), BOX, 40, noise=Noise(repeats=4), strategy=RANDOM) for _ in range(2)
    )
    assert one.fun == two.fun
    assert one.standard_error > 0.05


def test_the_same_call_on_a_folder_continues_and_a_later_run_starts_from_it(tmp_path):
    path = tmp_path / "first"
    first = minimize(sphere, BOX, 40, strategy=HILL, path=path)
    whole = minimize(sphere, BOX, 60, strategy=HILL, path=path)
    assert (first.nfev, whole.nfev) == (40, 60)
    assert whole.fun <= first.fun
    for earlier in (path, whole, whole.result):
        seen = []
        again = minimize(
            lambda x, seen=seen: seen.append(x) or sphere(x),
            BOX,
            20,
            x0=[3.0, 3.0],
            start=Earlier(earlier, points=3),
            strategy=HILL,
        )
        assert seen[0] == pytest.approx([3.0, 3.0])
        assert np.allclose(seen[1], whole.x)
        assert len({x.tobytes() for x in seen[1:4]}) == 3
        assert [sphere(x) for x in seen[1:4]] == sorted(sphere(x) for x in seen[1:4])
        assert again.fun <= whole.fun


def test_scores_are_used_again_only_on_request_and_cost_nothing(tmp_path):
    first = minimize(sphere, BOX, 40, strategy=HILL, path=tmp_path)
    calls = []

    def failing(x):
        calls.append(x)
        return sphere(x)

    with pytest.raises(EvollmError, match="its function was"):
        minimize(failing, BOX, 20, start=Earlier(tmp_path, scores=True), strategy=HILL)
    again = minimize(sphere, BOX, 20, start=Earlier(first, 4, scores=True), strategy=HILL)
    assert again.nfev == 20
    assert again.result.usage.evaluations == 24
    assert again.fun <= first.fun
    start = Earlier(first, scores=True)
    with pytest.raises(EvollmError, match="noisy"):
        minimize(sphere, BOX, 20, start=start, noise=Noise(2), strategy=HILL)


@each(
    ("box", "word"),
    [
        ([(-5, 5)] * 3, r"searched 2 dimensions \(-5.0 to 5.0, .*not 3 dimensions"),
        ([(-5, 5), (-5, 6)], "give the same bounds"),
        ({"a": (-5, 5), "b": (-5, 5)}, "not 2 dimensions .a -5.0 to 5.0"),
    ],
)
def test_a_run_on_another_space_is_refused(box, word, tmp_path):
    with EvoLLM(sphere, BOX, strategy=RANDOM).start(Budget(9), path=tmp_path) as search:
        points = search.ask()
        search.tell(points, [sphere(point) for point in points])
    assert minimize(sphere, BOX, 9, start=tmp_path, strategy=RANDOM).nfev == 9
    with pytest.raises(EvollmError, match=word):
        minimize(sphere, box, 9, start=tmp_path, strategy=RANDOM)


@each(
    ("start", "word"),
    [("nowhere", "is not a run directory"), ([1.0, 2.0], "give points to begin with as x0")],
)
def test_what_is_no_run_is_refused(start, word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EvollmError, match=word):
        minimize(sphere, BOX, 9, start=start, strategy=RANDOM)


@each(
    ("wrong", "word"),
    [
        ({"evaluations": None}, "needs an end"),
        ({"target": "low"}, "target must be a finite number"),
        ({"noise": 3}, r"noise must be a Noise such as"),
        ({"x0": 3.0}, "x0 must be a point of 2 coordinates"),
    ],
)
def test_wrong_arguments_are_named(wrong, word):
    with pytest.raises(EvollmError, match=word):
        minimize(sphere, BOX, strategy=RANDOM, **wrong)


def test_the_command_takes_constraints_and_repetitions(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(
        "def value(x):\n    return x[0] ** 2\ndef broken(x):\n    return 1 - x[0]\n"
    )
    own = ["--function", "own.py:value", "--dimension", "1", "--constraints", "own.py:broken"]
    search = ["--method", "random", "--evaluations", "20", "--repeats", "2"]
    assert main(["run", "blackbox", *own, *search, "--path", "run", "--quiet"]) == 0
    assert "evaluation cost  40 evaluations" in capsys.readouterr().out
    with Record("run", write=False) as record:
        assert all(found <= -1 for found in rows.fitnesses(record, eligible=True))
        assert queries.best(record)[1] == max(rows.fitnesses(record, eligible=True))
    assert main(["run", "blackbox", "--constraints", "own.py:broken", "--path", "other"]) == 1


def test_known_scores_leave_all_evaluations_to_new_points(tmp_path):
    minimize(sphere, BOX, 30, strategy=RANDOM, path=tmp_path / "first")
    known = Earlier(tmp_path / "first", points=30, scores=True)
    again = minimize(sphere, BOX, 10, strategy=RANDOM, start=known)  # with the same seed
    assert again.nfev == 10


def test_each_generation_has_its_own_seeds():
    seen = []

    def noisy(x, seed):
        seen.append(seed)
        return float(x[0])

    noisy.seeded = True
    for _ in range(2):
        minimize(noisy, BOX, 60, noise=Noise(repeats=2), strategy=HILL)
    assert seen[:60] == seen[60:]
    assert len(set(seen)) >= 8


@each(
    "given",
    {
        "a truth value": lambda x: x[0] > 2,
        "a text": lambda x: "1",
        "nothing": lambda x: None,
        "not finite": lambda x: [0.0, np.nan],
        "an error": lambda x: 1 / 0,
    }.values(),
    ids=lambda one: one.__code__.co_name,
)
def test_unusable_constraints_are_failures_that_name_them(given):
    with pytest.raises(EvollmError, match="the constraints failed: "):
        minimize(sphere, BOX, 3, constraints=given, strategy=HILL)


def test_a_function_without_finite_values_is_not_called_infeasible():
    found = minimize(lambda x: float("inf"), BOX, 3, strategy=HILL)
    assert "no value was finite" in found.message
    assert not found.success


def test_a_strategy_must_be_one():
    for wrong in ("cma", Control, 3):
        with pytest.raises(EvollmError, match="strategy must be one such as"):
            minimize(sphere, BOX, 3, strategy=wrong)


def test_a_run_without_a_feasible_point_says_so():
    found = minimize(sphere, BOX, 5, constraints=lambda x: 1.0, strategy=HILL)
    assert "infeasible with a violation of 1" in repr(found.result)
    assert (
        "0 evaluations satisfy the constraints" in EvoLLM(sphere, BOX).report(found.result).text()
    )
    stopped = []
    minimize(sphere, BOX, 5, constraints=lambda x: 1.0, strategy=HILL, callback=stopped.append)
    assert stopped[0].message.startswith("no feasible point was found")


def test_a_run_of_failures_has_no_best(tmp_path, capsys):
    with pytest.raises(EvollmError, match="failed"):
        minimize(lambda x: 1 / 0, BOX, 3, strategy=HILL, path=tmp_path / "run")
    with Record(tmp_path / "run", write=False) as record:
        assert queries.best(record) is None


def test_a_named_best_counts_in_curves_once_it_is_feasible():
    def noisy(x, seed):
        return sphere(x) + float(np.random.default_rng(seed).normal())

    noisy.seeded = True
    noise = Noise(elite=2)
    never = minimize(noisy, BOX, 40, constraints=lambda x: 1.0, noise=noise, strategy=HILL)
    assert not np.isfinite(best_so_far(never.result.record)).any()
    mixed = minimize(noisy, BOX, 40, constraints=lambda x: 2 - x[0], noise=noise, strategy=HILL)
    assert mixed.success
    assert best_so_far(mixed.result.record)[-1] == -mixed.fun
