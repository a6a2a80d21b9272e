"""Moments of inputs: shared ones, their factors, errors."""

import pytest
import torch

from evollm.errors import EvollmError
from problems.compression.levels.calibration import Calibration
from problems.compression.levels.hessian import Inputs, error, factor
from problems.lm.blocks import Blocks
from tests.problems.compression.levels.support_levels import WINDOWS
from tests.problems.lm.conftest import Make

RNG = torch.Generator().manual_seed(0)
MIXED = torch.randn(200, 12, generator=RNG) @ torch.randn(12, 12, generator=RNG)
MOMENTS = MIXED.T @ MIXED / 200


def watched(make: Make, family: str) -> Inputs:
    blocks = Blocks(make(family))
    inputs = Inputs({layer.name: blocks.linear(1, layer.name) for layer in blocks.linears[1]})
    calibration = Calibration(blocks, WINDOWS, tokens=5 * 64)
    assert [len(batch) for batch in calibration.hidden] == [5, 5, 2]
    outputs = calibration.outputs(1)
    for _ in range(3):
        with inputs.watched():
            next(outputs)
    return inputs


def test_layers_with_the_same_input_share_it(make: Make) -> None:
    shared = [set(names) for names, _ in watched(make, "llama").shared()]
    attention = [{f"self_attn.{name}_proj" for name in "qkv"}, {"self_attn.o_proj"}]
    assert shared == [*attention, {"mlp.gate_proj", "mlp.up_proj"}, {"mlp.down_proj"}]


def test_an_input_is_known_by_itself_not_by_names(make: Make) -> None:
    """Phi's attention and MLP are side by side behind one norm."""
    shared = [set(names) for names, _ in watched(make, "phi").shared()]
    assert {*(f"self_attn.{name}_proj" for name in "qkv"), "mlp.fc1"} in shared


def test_moments_are_means_over_all_tokens(make: Make) -> None:
    blocks = Blocks(make("llama"))
    entry = blocks.enter(torch.from_numpy(WINDOWS))
    hidden = blocks.run(0, entry.hidden, entry)
    hidden = blocks.modules[0].input_layernorm(entry.hidden).flatten(0, 1)
    inputs = Inputs({"q": blocks.linear(0, "self_attn.q_proj")})
    with inputs.watched():
        list(Calibration(blocks, WINDOWS, tokens=10_000).outputs(0))
    [(names, moments)] = inputs.shared()
    assert names == ("q",)
    assert torch.allclose(moments, hidden.T @ hidden / len(hidden), atol=1e-5)


@pytest.mark.parametrize("ordered", [False, True])
def test_a_factor_is_that_of_the_damped_inverse(ordered: bool) -> None:
    found = factor(MOMENTS, 0.01, ordered)
    damped = MOMENTS + 0.01 * MOMENTS.diagonal().mean() * torch.eye(12)
    damped = damped[found.order][:, found.order]
    assert torch.allclose(found.lower @ found.lower.T @ damped, torch.eye(12), atol=1e-3)
    assert torch.equal(found.lower, found.lower.tril())
    squares = MOMENTS.diagonal()[found.order]
    assert (squares.diff() <= 0).all() == ordered


def test_dead_inputs_and_singular_moments_are_no_obstacle() -> None:
    inputs = MIXED.clone()
    inputs[:, 3] = 0
    inputs[:, 5] = inputs[:, 4]
    found = factor(inputs.T @ inputs, 0.0)
    assert found.dead.nonzero().tolist() == [[3]]
    assert torch.isfinite(found.lower).all()


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(EvollmError, match="inputs of a layer are not finite numbers"):
        factor(MOMENTS * torch.nan, 0.01)


def test_errors_are_those_of_the_outputs() -> None:
    weights, changed = torch.randn(2, 5, 12, generator=RNG)
    outputs, others = MIXED @ weights.T, MIXED @ changed.T
    expected = float((outputs - others).square().sum() / outputs.square().sum())
    assert error(weights, changed, MOMENTS) == pytest.approx(expected, rel=1e-4)
    assert error(weights, changed, torch.zeros(12, 12)) == 0
