"""Levels of the offline model's first blocks, by real activations."""

from pathlib import Path

import numpy as np
import pytest

from problems.compression.layout import DENSE, Layout, Level, Unit
from problems.compression.levels.build import build
from problems.compression.levels.database import Levels
from problems.compression.levels.settings import LevelSettings, Method
from problems.lm import LM, load
from problems.lm.blocks import Blocks
from problems.lm.prose import prose
from problems.lm.tokens import windows

pytestmark = pytest.mark.model
BLOCK = 1


@pytest.fixture(scope="module")
def lm() -> LM:
    return load()


@pytest.fixture(scope="module")
def text(lm: LM) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return windows(lm, prose().calibration, count=16, length=128, seed=0)


def built(lm: LM, text: np.ndarray, method: Method, folder: Path) -> tuple[Levels, Layout]:  # type: ignore[type-arg]
    settings, units = LevelSettings(method), []
    for layer in Blocks(lm).linears[BLOCK]:
        levels = [Level("bits", bits) for bits in (2, 3, 4, 5, 6, 8)]
        if settings.kind == "zeros":
            levels = [Level("zeros", layer.size * tenths // 10) for tenths in (3, 5, 6, 7)]
        some = (*levels, DENSE)
        units.append(Unit(BLOCK, layer.name, layer.part, layer.size, some, tuple(range(len(some)))))
    layout = Layout(tuple(units), 30)
    return build(lm, layout, settings, text, folder / method), layout


@pytest.mark.parametrize(("better", "worse"), [("gptq", "rtn"), ("sparsegpt", "wanda")])
def test_errors_of_layers(
    lm: LM,
    text: np.ndarray,
    better: Method,
    worse: Method,
    tmp_path: Path,  # type: ignore[type-arg]
) -> None:
    (mine, layout), (theirs, _) = (built(lm, text, one, tmp_path) for one in (better, worse))
    for unit in layout.units:
        for level in unit.levels:
            errors = [found.error(BLOCK, unit.name, level) for found in (mine, theirs)]
            assert errors[0] <= errors[1], f"{unit} at {level}"
