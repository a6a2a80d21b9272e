"""Choices: every option reaches the settings, and the defaults are those of the strategies."""

from dataclasses import replace

import pytest

from evollm import EvollmError
from operators.vectors.rows import Decimals, RowFormat
from problems.blackbox.context import Context
from problems.blackbox.controls import SHORT
from problems.blackbox.framed import Framed
from problems.blackbox.options import Options, check, numbers, settings
from problems.blackbox.paper import Decay, TwoLevel


def paper(**chosen):
    return replace(SHORT, **settings(Options(method="paper", **chosen)))


def test_the_defaults_are_those_of_the_strategies():
    assert paper() == SHORT
    assert replace(Framed(), **settings(Options())) == Framed()


@pytest.mark.parametrize(
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
        found = settings(Options(function="CartPole", method=method))
        assert found["offspring" if method == "framed" else "population"] == 16
    assert "population" not in settings(Options(function="cartpole", method="cma"))
    assert "population" not in settings(Options(method="hill"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("episodes", 0),
        ("resolution", 0),
        ("members", 0),
        ("step", float("nan")),
        ("rate", -1.0),
        ("temperature", -0.1),
    ],
)
def test_numbers_out_of_range_are_refused_by_the_options_name(name, value):
    with pytest.raises(EvollmError, match=f"--{name} must be [01] or more, not {value}"):
        check(Options(**{name: value}))


@pytest.mark.parametrize("target", [float("nan"), float("inf")])
def test_a_target_must_be_a_number(target):
    with pytest.raises(EvollmError, match="--target must be a finite number"):
        check(Options(target=target))


def test_lists_of_numbers_are_read():
    assert numbers("8,4", "hidden", int, "8") == [8, 4]
    assert numbers("none", "hidden", int, "8") == []
    with pytest.raises(EvollmError, match="--hidden must be numbers such as 8, not '8,x'"):
        numbers("8,x", "hidden", int, "8")
