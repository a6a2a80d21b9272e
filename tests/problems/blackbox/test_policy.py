"""Policies: the layout of the weights, and what a network makes of observations."""

import numpy as np
import pytest

from evollm import EvollmError
from problems.blackbox.control_tasks import Network
from tests.support_each import each


def test_the_length_counts_weights_and_biases():
    assert Network((4, 16, 2)).length == 114
    assert Network((6, 16, 3)).length == 163
    assert Network((4, 2)).length == 10


@each("activation", ["tanh", "relu"])
def test_outputs_are_those_of_a_loop_over_units(activation):
    network = Network((3, 4, 2), activation)
    rng = np.random.default_rng(1)
    weights, observations = rng.normal(size=network.length), rng.normal(size=(5, 3))
    bend = {"tanh": np.tanh, "relu": lambda x: max(x, 0.0)}[activation]
    units = [weights[4 * i : 4 * i + 4] for i in range(4)]
    ends = [weights[16 + 5 * i : 21 + 5 * i] for i in range(2)]
    wanted = []
    for seen in observations:
        hidden = [bend(sum(u[:3] * seen) + u[3]) for u in units]
        wanted.append([sum(e[:4] * np.array(hidden)) + e[4] for e in ends])
    assert network.outputs(weights, observations) == pytest.approx(np.array(wanted))
    assert network.act(weights, observations).tolist() == np.argmax(wanted, axis=1).tolist()


def test_equal_outputs_give_the_first_action():
    assert Network((4, 2)).act(np.zeros(10), np.ones((3, 4))).tolist() == [0, 0, 0]


@each("sizes", [(4,), (4, 0, 2), ()])
def test_a_network_without_units_is_refused(sizes):
    with pytest.raises(EvollmError, match="at least one unit"):
        Network(sizes)
