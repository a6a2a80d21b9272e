"""Errors of levels by squared gradients."""

from pathlib import Path

import pytest
import torch

from evollm.errors import EvollmError
from problems.compression.baselines.fisher import fisher_errors
from problems.compression.baselines.knapsack import within
from problems.compression.layout import DENSE
from problems.compression.levels.build import build
from problems.compression.levels.database import Levels
from problems.lm import LM
from problems.lm.streaming import stream
from tests.problems.compression.levels.support_levels import BITS, GPTQ, WINDOWS, layout

LAYER = "mlp.down_proj"


@pytest.fixture(scope="module")
def levels(lm: LM, tmp_path_factory: pytest.TempPathFactory) -> Levels:
    return build(lm, layout(lm), GPTQ, WINDOWS, tmp_path_factory.mktemp("levels"))


def test_errors_are_of_each_window_by_itself(lm: LM, levels: Levels) -> None:
    """Gradients of different texts cancel out; their squares do not."""
    units = layout(lm)
    found = fisher_errors(lm, units, levels, WINDOWS[:3])
    weight = lm.model.model.layers[1].mlp.down_proj.weight
    assert not weight.requires_grad
    assert weight.grad is None
    squares = torch.zeros_like(weight)
    weight.requires_grad_(True)
    for window in torch.from_numpy(WINDOWS[:3]):
        with torch.enable_grad():
            loss = lm.model(window[None], labels=window[None]).loss
        squares += torch.autograd.grad(loss, weight)[0].square() / 3
    weight.requires_grad_(False)
    place = [(unit.block, unit.name) for unit in units.units].index((1, LAYER))
    for level, error in zip(BITS, found[place], strict=False):
        change = levels.weight(1, LAYER, level) - weight
        assert error == pytest.approx(float((squares * change.square()).sum()) / 2, rel=1e-3)
    assert units.units[place].levels[-1] == DENSE
    assert found[place][-1] == 0


def test_the_knapsack_spends_by_them(lm: LM, levels: Levels) -> None:
    units = layout(lm)
    errors = fisher_errors(lm, units, levels, WINDOWS[:2])
    budget = int(units.table[:, 1].sum())
    found = within(units, errors, budget)
    assert units.cost(found) <= budget
    chosen = sum(own[level] for own, level in zip(errors, found, strict=True))
    assert chosen < sum(own[1] for own in errors)


def test_a_streamed_model_is_refused(lm: LM, levels: Levels, tmp_path: Path) -> None:
    with pytest.raises(EvollmError, match="squared gradients need the whole model: load it"):
        fisher_errors(stream(lm.name), layout(lm), levels, WINDOWS)
