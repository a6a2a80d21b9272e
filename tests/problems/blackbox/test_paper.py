import re
from dataclasses import replace

import numpy as np
import pytest

from evollm import EvollmError, Offspring
from evollm.llm.scripted import Scripted
from evollm.testing import FlowKit
from operators.vectors.rows import RowFormat
from operators.vectors.variation import Centroid
from problems.blackbox.bbob import bbob
from problems.blackbox.context import Context
from problems.blackbox.controls import recombination_es
from problems.blackbox.framed import Framed
from problems.blackbox.function import Function
from problems.blackbox.paper import Decay, Paper, TwoLevel, evollm
from problems.blackbox.space import Integer, Space
from tests.problems.blackbox.support_drive import drive
from tests.support_each import checks, each

BOX = Space.of([(-5, 5)] * 3)
SPHERE = Function(lambda x: float(((x - 1) ** 2).sum()), BOX)


def repeat(prompt, sample, sampling):
    """Answer the row with the least loss, shifted by one: a model that only copies, nearly."""
    row = [int(n) for n in re.findall(r"\d+", prompt.strip().split("\n")[-2].rpartition(":")[2])]
    return ",".join(str(min(n + 1, 1000)) for n in row)


def midway(prompt, sample, sampling):
    """Answer the mean of the last three rows of two digits each."""
    lines = [line.split(",") for line in prompt.strip().split("\n")[-3:]]
    mean = np.mean([[int(n) for n in line] for line in lines], axis=0)
    return ",".join(f"{int(n):02d}" for n in mean)


STRATEGIES = [
    (Paper(), repeat),
    (Paper(shuffle=True, block=2, context=Context(3, 2, "random", "random")), repeat),
    (Paper(context=Context(3, 2, choose="upto"), step=TwoLevel(), evaluate_mean=True), repeat),
    (Paper(context=Context(2, 3, order="random", permuted=True), rate=0.5), repeat),
    (Framed(), midway),
    (Framed(shuffle=True, block=1, offspring=3), midway),
]


def case(given):
    strategy, answer = given
    return lambda seed: strategy.flow(Scripted(answer), BOX, (), seed), SPHERE


@each("given", STRATEGIES, ids=lambda pair: type(pair[0]).__name__)
@each("check", checks(FlowKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)


def test_the_first_steps_are_warm_up_and_the_starting_points_come_first():
    start = ((0.1, 0.2, 0.3), (0.9, 0.9, 0.9))
    _, scored = drive(Paper().flow(Scripted(repeat), BOX, start, 7), SPHERE, 32)
    born = [(one.operator, one.step) for one in scored]
    assert born[:7] == [("Given", 0)] * 2 + [("Uniform", 0)] * 5
    assert born[7:22] == [("Uniform", step) for step in (1, 2, 3) for _ in range(5)]
    assert born[22:] == [("Gaussian", step) for step in (4, 5) for _ in range(5)]
    assert tuple(scored[0].genome) == start[0]


def test_both_strategies_of_one_seed_see_the_same_first_points():
    paper = drive(Paper().flow(Scripted(repeat), BOX, (), 3), SPHERE, 10)[1]
    framed = drive(Framed().flow(Scripted(midway), BOX, (), 3), SPHERE, 10)[1]
    pairs = zip(paper[:10], framed[:10], strict=True)
    assert all(np.array_equal(a.genome, b.genome) for a, b in pairs)


def test_the_samples_lie_around_the_mean_that_the_model_gave():
    model = Scripted(lambda *_: "100,900,500")
    flow = Paper(population=400, warmup=1).flow(model, BOX, (), 0)
    _, scored = drive(flow, SPHERE, 800)
    last = np.array([one.genome for one in scored[400:]])
    assert last.mean(axis=0) == pytest.approx([0.1, 0.9, 0.5], abs=0.005)
    assert last.std(axis=0) == pytest.approx([0.02] * 3, rel=0.15)


def test_the_mean_can_be_a_member_of_its_generation():
    model = Scripted(lambda *_: "100,900,500")
    flow = Paper(warmup=1, evaluate_mean=True).flow(model, BOX, (), 0)
    _, scored = drive(flow, SPHERE, 11)
    assert scored[5].genome == pytest.approx([0.1, 0.9, 0.5])
    assert scored[5].operator == "Recombination"


def test_snapped_points_lie_on_the_grid_that_the_model_sees():
    strategy = Paper(snap=True, form=RowFormat(resolution=100))
    _, scored = drive(strategy.flow(Scripted(repeat), BOX, (), 0), SPHERE, 40)
    grid = np.array([one.genome for one in scored[20:]]) * 100
    assert np.allclose(grid, np.round(grid))


@each("fallback", ["best", "mean", "last"])
def test_what_stands_in_is_chosen(fallback):
    answers = iter(["100,900,500"] + ["?"] * 3)
    flow = Paper(warmup=1, fallback=fallback, step=Decay(0.2)).flow(
        Scripted(lambda *_: next(answers)), BOX, (), 0
    )
    jobs, scored = drive(flow, SPHERE, 15)
    [stand_in] = [job[1][1] for job in jobs if job[0] == "Recombination" and job[4] == 2]
    best = max(scored[:10], key=lambda one: one.fitness).id
    last = max(scored[5:10], key=lambda one: one.fitness).id
    [mean] = {one.parents[0] for one in scored[5:10]}
    assert stand_in == {"best": best, "mean": mean, "last": last}[fallback]


def test_steps_decay_to_two_bins_or_follow_success():
    assert [Decay(0.1, 0.5).at(k, True, 100) for k in range(4)] == [0.1, 0.05, 0.025, 0.02]
    assert Decay(0.001).at(9, False, 100) == 0.001
    assert [TwoLevel().at(0, improved, 1000) for improved in (True, False)] == [0.05, 0.2]


@each("strategy", [Paper(), Framed(constrain=False)])
def test_a_model_that_says_nothing_usable_ends_the_run_in_its_third_generation(strategy):
    calls = []
    model = Scripted(lambda prompt, *_: calls.append(prompt) or "I am sorry")
    with pytest.raises(EvollmError, match="in 3 generations") as caught:
        drive(strategy.flow(model, BOX, (), 0), SPHERE, 500)
    assert "\n" not in str(caught.value)
    assert len(calls) in (3 * 3, 3 * 2 * 5)


def test_the_paper_loop_runs_with_classical_recombination_as_its_control():
    settings = replace(Paper(), step=Decay(0.05, 0.95))
    _, scored = drive(evollm(Centroid(4), settings, 3), SPHERE, 300)
    assert max(one.fitness for one in scored) > -0.1


def test_offspring_that_the_model_owes_are_steps_from_the_best_point():
    model = Scripted(lambda prompt, i, sampling: midway(prompt, i, sampling) if i < 2 else "no")
    _, scored = drive(Framed(constrain=False).flow(model, BOX, (), 0), SPHERE, 15)
    names = [one.operator for one in scored[10:]]
    assert names == ["FramedSamples"] * 2 + ["Gaussian"] * 3
    best = max(scored[:10], key=lambda one: one.fitness)
    assert scored[14].parents == (best.id,)


def test_the_prompt_holds_the_best_points_least_first():
    prompts = []
    model = Scripted(lambda prompt, i, o: prompts.append(prompt) or midway(prompt, i, o))
    space = Space.of([(-5, 5)] * 2)
    function = Function(lambda x: float((x**2).sum()), space)
    _, scored = drive(Framed(memory=4, warmup=12).flow(model, space, (), 0), function, 14)
    rows = sorted(scored[:12], key=lambda one: one.fitness)[-4:]
    genomes = np.array([one.genome for one in rows])
    low, high = genomes.min(axis=0), genomes.max(axis=0)
    places = np.floor((genomes - low) / (high - low) * 50 + 25 + 1e-9).astype(int)
    assert prompts[0] == "".join(f"{a:02d},{b:02d}\n" for a, b in places)


def alone(model, dimension):
    """Return a search of our loop and one without the model, both with quadratic steps."""
    space = Space.of([(-5, 5)] * dimension)
    yield Framed(quadratic=True).flow(model, space, (), 2)
    yield recombination_es(dimension, seed=2, quadratic=True)


def test_a_quadratic_step_that_is_a_new_best_is_followed_by_the_next_one_alone():
    for flow in alone(Scripted(midway), 2):
        generations = {}
        for one in drive(flow, bbob("bent-cigar", 2)[0], 90)[1]:
            generations.setdefault(one.step, []).append(one)
        descends, best, lengths = False, -np.inf, []
        for step, born in generations.items():
            quadratic = [one for one in born if one.operator == "QuadraticStep"]
            assert quadratic == born[: len(quadratic)]
            expected = 10 if step == 0 else 1 if descends and quadratic else 5
            assert len(born) == expected or step == max(generations)
            descends = bool(quadratic) and quadratic[0].fitness > best
            best = max(best, *(one.fitness for one in born))
            lengths.append(len(born))
        assert 1 in lengths
        assert 5 in lengths


def test_generations_of_one_point_ask_the_model_beside_quadratic_steps():
    flow = Framed(quadratic=True, offspring=1).flow(Scripted(midway), BOX, (), 0)
    born = [one.operator for one in drive(flow, bbob("rastrigin", 3)[0], 60)[1][10:]]
    assert {"QuadraticStep", "FramedSamples"} == set(born)


def test_a_search_goes_on_sampling_until_two_points_have_a_value():
    calls = []

    def mostly_broken(x):
        calls.append(x)
        return float("nan") if len(calls) < 24 else float((x**2).sum())

    _, scored = drive(Framed().flow(Scripted(midway), BOX, (), 0), Function(mostly_broken, BOX), 35)
    assert [one.operator for one in scored[:30]] == ["Uniform"] * 30
    assert scored[30].operator == "FramedSamples"


def test_a_whole_space_of_integers_is_searched_without_stopping():
    space = Space.of({"n": Integer(1, 3), "m": Integer(-50, 50)})
    function = Function(lambda p: (p["n"] - 2) ** 2 + abs(p["m"] - 7), space)
    _, scored = drive(Framed().flow(Scripted(midway), space, (), 0), function, 120)
    assert max(one.fitness for one in scored) > -10


def test_samples_of_a_model_that_averages_converge_on_a_bbob_sphere():
    problem, space, optimum = bbob("sphere", 2)
    _, scored = drive(Framed(jitter=0.5).flow(Scripted(midway), space, (), 0), problem, 150)
    assert -max(one.fitness for one in scored) - optimum < 0.01


def test_attempts_and_what_counts_as_an_answer_are_settings():
    degrees = []

    def long(prompt, sample, sampling):
        degrees.append(sampling.temperature)
        return "100,900,500,77"

    strategy = Paper(warmup=1, temperatures=(0.3, 0.9), evaluate_mean=True)
    _, scored = drive(strategy.flow(Scripted(long), BOX, (), 0), SPHERE, 11)
    assert degrees == [0.3, 0.9]
    assert np.array_equal(scored[5].genome, max(scored[:5], key=lambda one: one.fitness).genome)
    flow = replace(strategy, allow_prefix=True).flow(Scripted(long), BOX, (), 0)
    assert drive(flow, SPHERE, 11)[1][5].genome == pytest.approx([0.1, 0.9, 0.5])
    assert degrees == [0.3, 0.9, 0.3]


@each(
    ("make", "message"),
    [
        (lambda: Paper(rate=-0.1), "rate must be 0 or more"),
        (lambda: Paper(temperatures=()), "temperatures"),
        (lambda: Paper(temperatures=(0.0, -1.0)), "temperatures"),
        (
            lambda: Paper(form=RowFormat(header=True), context=Context(order="random")),
            "which is wrong for",
        ),
        (lambda: Decay(float("nan")), "first must be 0 or more, not nan"),
        (lambda: Decay(rate=-1), "rate must be 0 or more"),
        (lambda: TwoLevel(stalled=-1), "stalled must be 0 or more"),
        (lambda: Framed(jitter=-1), "jitter must be 0 or more"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(EvollmError, match=message):
        make()


@each("name", ["population", "warmup", "block"])
def test_settings_with_which_no_search_begins_are_refused(name):
    with pytest.raises(EvollmError, match=f"{name} must be 1 or more"):
        Paper(**{name: 0})


def test_an_operator_without_a_mean_is_named():
    class Silent:
        def vary(self, parents, n, seed):
            return Offspring([])

    with pytest.raises(EvollmError, match="Silent made no mean: it must return one genome"):
        drive(evollm(Silent(), Paper(), 3), SPHERE, 40)
