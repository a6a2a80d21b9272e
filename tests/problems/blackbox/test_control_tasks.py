"""Control tasks: real episodes of gymnasium, and searches of policies for them."""

import sys
from dataclasses import replace

import cloudpickle
import gymnasium
import numpy as np
import pytest

from evollm import Budget, EvollmError, run
from evollm.llm.scripted import Scripted
from evollm.testing import ProblemKit
from problems.blackbox.control_tasks import (
    EPISODES,
    FRESH,
    SETTINGS,
    TASKS,
    Neuroevolution,
    control,
)
from problems.blackbox.controls import Control, cma_es, hill_climbing, random_search
from problems.blackbox.system import EvoLLM
from tests.support_each import checks, each

SMALL = {"hidden": (2,), "episodes": 2}


def played(task, function, space, genome, seed):
    """Play the episodes one by one, as gymnasium's own examples do."""
    weights, returns = space.decode(genome), []
    own = function.function
    for start in np.random.SeedSequence([own.instance, seed]).generate_state(own.episodes):
        world = gymnasium.make(TASKS[task])
        seen, _ = world.reset(seed=int(start))
        total, over = 0.0, False
        while not over:
            [action] = own.network.act(weights, np.array([seen], dtype=np.float64))
            seen, reward, ended, late, _ = world.step(int(action))
            total, over = total + float(reward), ended or late
        returns.append(total)
    return returns


def lasting(function, space):
    """Return the best of a few policies: one that doesn't fall at once, whatever the episode."""
    genomes = np.random.default_rng(5).random((40, len(space)))
    return max(genomes, key=lambda genome: function.evaluate([genome], None, 0)[0].fitness)


@each("task", ["cartpole", "acrobot"])
def test_a_fitness_is_the_mean_return_of_the_episodes_that_the_seed_fixes(task):
    function, space = control(task, **SMALL)
    genome = np.random.default_rng(3).random(len(space))
    [one] = function.evaluate([genome], None, 7)
    returns = played(task, function, space, genome, 7)
    assert one.info == {"returns": returns}
    assert one.fitness == pytest.approx(np.mean(returns))


def test_a_batch_shares_its_episodes_and_seed_and_instance_change_them():
    function, space = control("cartpole", hidden=(), episodes=4)
    genome = lasting(function, space)
    one, two = function.evaluate([genome, genome.copy()], None, 0)
    assert one.info == two.info
    [other] = function.evaluate([genome], None, 1)
    [elsewhere] = control("cartpole", hidden=(), episodes=4, instance=2)[0].evaluate(
        [genome], None, 0
    )
    assert len({str(each.info) for each in (one, other, elsewhere)}) == 3


def test_the_box_has_a_coordinate_for_each_weight_and_the_bound_that_is_asked():
    function, space = control("acrobot", bound=1.5)
    assert len(space) == 163
    assert (space.dimensions[0].low, space.dimensions[0].high) == (-1.5, 1.5)
    assert function.maximize
    assert function.name == "acrobot-6x16x3-16-i1"


@each("baseline", [hill_climbing, cma_es])
def test_a_search_beats_random_policies_on_cartpole(baseline):
    function, space = control("cartpole", hidden=(), episodes=2)
    more = {"sigma": 0.15} if baseline is hill_climbing else {}
    found, random = [], []
    for seed in range(3):
        flow = baseline(len(space), seed=seed, **more)
        found.append(run(flow, function, budget=Budget(100)).fitness)
        flow = random_search(len(space), seed=seed)
        random.append(run(flow, function, budget=Budget(100)).fitness)
    assert np.median(found) > 400
    assert np.mean(found) > np.mean(random) + 50


def test_a_model_searches_policies_in_blocks_of_weights():
    function, space = control("cartpole", **SMALL)
    prompts = []
    strategy = replace(SETTINGS, population=4, warmup=1, block=5)

    def middle(prompt, sample, options):
        prompts.append(prompt)
        return ",".join(["500"] * len(prompt.split("\n")[0].split(",")))

    system = EvoLLM(function, model=Scripted(middle), strategy=strategy)
    result = system.run(Budget(8))
    assert [prompt.count(",") for prompt in prompts] == [16, 16, 16, 0]
    last = np.array([one.genome for one in result.population])
    assert result.usage.evaluations == 8
    assert len(space) == 16
    assert np.abs(last.mean(axis=0) - 0.5).max() < 0.5
    assert system.found(result).fun == result.fitness >= 8


def test_a_policy_is_tested_again_in_new_episodes():
    function, space = control("cartpole", hidden=(), episodes=1)
    system = Neuroevolution(function, strategy=Control("random"))
    result = system.run(Budget(30))
    [final] = result.finals
    more = replace(function, function=replace(function.function, episodes=EPISODES))
    [seen] = more.evaluate([final.genome], None, 0)
    assert final.id == result.best.id
    assert final.fitness != seen.fitness
    again = played("cartpole", more, space, final.genome, FRESH)
    assert final.fitness == pytest.approx(np.mean(again))
    assert result.usage.evaluations == 30
    assert result.usage.finals == 1
    assert f"mean return {final.fitness:.1f} in 64 unseen" in system.report(result).text()


def test_a_task_travels_to_a_worker():
    function, space = control("cartpole", **SMALL)
    genomes = [np.full(len(space), 0.4)]
    again = cloudpickle.loads(cloudpickle.dumps(function))
    assert again.evaluate(genomes, None, 3) == function.evaluate(genomes, None, 3)


@each(
    ("task", "wrong", "message"),
    [
        ("pendulum", {}, "no control task 'pendulum'"),
        ("cartpol", {}, "did you mean 'cartpole'"),
        ("cartpole", {"hidden": (0,)}, "at least one unit"),
        ("cartpole", {"episodes": 0}, "at least 1 episode"),
        ("cartpole", {"instance": -1}, "instance of at least 0"),
        ("cartpole", {"bound": 0.0}, "must be positive"),
        ("cartpole", {"bound": float("nan")}, "must be positive"),
    ],
)
def test_what_is_no_task_is_refused(task, wrong, message):
    with pytest.raises(EvollmError, match=message):
        control(task, **wrong)


def test_without_gymnasium_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(EvollmError, match="the extra 'control'"):
        control("cartpole")


def case(given):
    function, space = control(given, hidden=(2,), episodes=1)
    return function, list(np.random.default_rng(2).random((3, len(space)))), None


@each("given", ["cartpole", "acrobot"])
@each("check", checks(ProblemKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)
