"""Choices: every option reaches the settings, and the defaults are those of the strategies."""

from dataclasses import fields, replace

import pytest

from evollm import EvollmError
from evollm.cli.options import build, options_of, values
from operators.vectors.rows import Decimals, RowFormat
from problems.blackbox.context import Context
from problems.blackbox.controls import SHORT
from problems.blackbox.framed import Framed
from problems.blackbox.options import Options, check, numbers, strategy
from problems.blackbox.paper import Decay, Paper, TwoLevel
from tests.support_each import each


def chosen_by(**chosen):
    return strategy(build(Options, chosen))


def paper(**chosen):
    return chosen_by(method="paper", **chosen)


def test_the_defaults_are_those_of_the_strategies():
    assert paper() == SHORT
    assert strategy(Options()) == Framed()


def test_every_setting_that_is_a_number_or_a_word_is_an_option():
    listed = {leaf.path for leaves in options_of(Options).values() for leaf in leaves}
    aside = {"framed.offspring", "framed.warmup", "framed.temperature"}
    assert {f"framed.{item.name}" for item in fields(Framed)} - listed == aside
    aside = {f"paper.{name}" for name in ("population", "warmup", "temperatures", "step")}
    flat = {f"paper.{item.name}" for item in fields(Paper)} - {"paper.context", "paper.form"}
    assert flat - listed == aside
    assert {f"paper.context.{item.name}" for item in fields(Context)} <= listed


def test_one_option_sets_both_methods_and_is_kept_by_the_place_where_they_differ():
    assert chosen_by(block=3).block == paper(block=3).block == 3
    kept = values(Options())
    assert (kept["framed.block"], kept["paper.block"], kept["mode"]) == (None, 8, "plain")
    assert build(Options, kept) == Options()
    both = build(Options, {"block": 3, "paper": {"block": 5}})
    assert (both.framed.block, both.paper.block) == (3, 5)


@each(
    ("chosen", "wanted"),
    [
        ({"order": "random", "shown": 2}, {"context": Context(2, 3, order="random")}),
        ({"permuted": True, "keep": "best"}, {"context": Context(3, 3, "best", permuted=True)}),
        ({"choose": "upto"}, {"context": Context(3, 3, choose="upto")}),
        ({"query": False}, {"form": RowFormat(delta=None)}),
        ({"delta": 0.5, "loss": "rank"}, {"form": RowFormat(loss="rank", delta=0.5)}),
        ({"header": True, "resolution": 100}, {"form": RowFormat(100, header=True)}),
        ({"mode": "chat"}, {"form": RowFormat(header=True), "mode": "chat"}),
        ({"mode": "chat", "header": False}, {"mode": "chat"}),
        ({"rule": "two-level"}, {"step": TwoLevel()}),
        ({"step": 0.1, "decay": 0.9}, {"step": Decay(0.1, 0.9)}),
        ({"rate": 0.5, "snap": True}, {"rate": 0.5, "snap": True}),
        ({"evaluate_mean": True, "allow_prefix": True}, None),
        ({"temperature": 0.3}, {"temperatures": (0.3, 0.7, 1.0)}),
        ({"numbers": "decimals"}, {"form": Decimals(low=-5.0, high=5.0)}),
        (
            {"numbers": "decimals", "function": "cartpole", "delta": 0.5},
            {"form": Decimals(delta=0.5, low=-3.0, high=3.0), "population": 16},
        ),
        ({"population": 9, "block": 3}, None),
        ({"function": "acrobot"}, {"population": 16}),
    ],
)
def test_options_are_settings_of_the_papers_loop(chosen, wanted):
    assert paper(**chosen) == replace(SHORT, **(chosen if wanted is None else wanted))


def test_on_a_control_task_all_but_cma_have_the_same_population():
    for method in ("framed", "random", "hill", "recombination"):
        found = chosen_by(function="CartPole", method=method)
        size = found.offspring if method == "framed" else found.settings["population"]
        assert size == 16
    assert not chosen_by(function="cartpole", method="cma").settings
    assert not chosen_by(method="hill").settings
    assert chosen_by(method="hill", warmup=4).settings == {"warmup": 4}
    assert (chosen_by(warmup=4).warmup, paper(warmup=5).warmup) == (4, 5)


def test_quadratic_steps_are_for_the_weighted_mean_too():
    assert chosen_by(method="recombination", quadratic=True).settings == {"quadratic": True}
    assert chosen_by(quadratic=False).quadratic is False


@each(
    ("chosen", "message"),
    [
        (
            {"method": "hill", "quadratic": True},
            "^--quadratic is not an option of --method hill: leave it out$",
        ),
        ({"method": "cma", "memory": 5}, "--memory is not an option of --method cma"),
        ({"method": "hill", "block": 3}, "--block is not an option of --method hill"),
        ({"method": "random", "warmup": 5}, "--warmup is not an option of --method random"),
        ({"method": "framed", "step": 0.1}, "--step is not an option of --method framed"),
        ({"method": "paper", "mean_of": 4}, "--mean-of is not an option of --method paper"),
        ({"method": "hill", "adapter": "none"}, "--adapter is not an option of --method hill"),
        ({"bounds": "-1,1"}, "--bounds is for your own function .* or a control task"),
        ({"maximize": True}, "--maximize is for your own function"),
        ({"hidden": "8"}, "--hidden is for a control task: leave it out, or name such a function"),
        (
            {"function": "mine.py:f", "instance": 2},
            "--instance is for a BBOB function or a control",
        ),
    ],
)
def test_options_that_would_be_ignored_are_refused(chosen, message):
    with pytest.raises(EvollmError, match=message):
        check(build(Options, chosen))


def test_what_methods_and_functions_use_is_accepted():
    for chosen in (
        {"method": "paper", "block": 3, "step": 0.1, "warmup": 2, "numbers": "decimals"},
        {"method": "recombination", "quadratic": True, "population": 3, "warmup": 4},
        {"function": "mine.py:f", "bounds": "-1,1", "maximize": True},
        {"function": "cartpole", "bounds": "-1,1", "hidden": "8", "instance": 2},
    ):
        check(build(Options, chosen))


@each(
    ("name", "value"),
    [
        ("episodes", 0),
        ("resolution", 0),
        ("members", 0),
        ("shown", 0),
        ("block", 0),
        ("memory", 0),
        ("jitter", -0.1),
        ("decay", -1.0),
        ("step", float("nan")),
        ("rate", -1.0),
        ("temperature", -0.1),
    ],
)
def test_numbers_out_of_range_are_refused_by_the_options_name(name, value):
    with pytest.raises(EvollmError, match=f"--{name} must be [01] or more, not {value}"):
        check(build(Options, {name: value}))


@each("target", [float("nan"), float("inf")])
def test_a_target_must_be_a_number(target):
    with pytest.raises(EvollmError, match="--target must be a finite number"):
        check(Options(target=target))


def test_lists_of_numbers_are_read():
    assert numbers("8,4", "hidden", int, "8") == [8, 4]
    assert numbers("none", "hidden", int, "8") == []
    with pytest.raises(EvollmError, match="--hidden must be numbers such as 8, not '8,x'"):
        numbers("8,x", "hidden", int, "8")
