"""Figures of real runs and of methods, which are told apart without colours."""

import sys
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from evollm import Budget, EvollmError, Result
from evollm.llm.scripted import Scripted
from evollm.report.curves import best_so_far
from evollm.report.plots import STYLES, panels, plot_methods, plot_run
from problems.blackbox import EvoLLM
from tests.support_each import each


@pytest.fixture
def result() -> Result[object]:
    """A run in which a corner of the box fails."""

    def function(x: np.ndarray) -> float:
        if x[0] > 3:
            raise ValueError("too far")
        return float((x**2).sum())

    system = EvoLLM(function, [(-5, 5)] * 2, model=Scripted(lambda *_: "10,20"))
    return system.run(Budget(evaluations=40), seed=1)


def points(*values: float) -> np.ndarray:
    return np.column_stack([np.arange(1, len(values) + 1), np.array(values, dtype=float)])


def comments(path: Path) -> list[str]:
    """Return the comments in which matplotlib's SVG keeps its texts."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    root = ET.parse(path, parser).getroot()
    return [part.text.strip() for part in root.iter() if part.tag is ET.Comment]


def test_best_so_far_only_rises_to_the_best(result: Result[object]) -> None:
    curve = best_so_far(result.record)
    assert curve.shape == (40,)
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == result.fitness
    assert np.array_equal(curve, np.maximum.accumulate(result.dataframe()["fitness"]))


def test_a_run_is_drawn_with_its_failures_left_out(result: Result[object], tmp_path: Path) -> None:
    assert result.usage.failed > 0
    assert plot_run(result.record, tmp_path / "run.svg") == tmp_path / "run.svg"
    assert {"evaluations", "value", "evaluated", "best so far"} <= set(
        comments(tmp_path / "run.svg")
    )


def test_methods_are_drawn_side_by_side_with_one_legend(tmp_path: Path) -> None:
    curves = {"one": [points(5, 3, 1), points(4, 3)], "other": [points(6, 2, 2)]}
    plot_methods({"left": curves, "right": curves}, tmp_path / "methods.svg", "value")
    found = comments(tmp_path / "methods.svg")
    for text in ("one", "other", "left", "right", "evaluations", "value"):
        assert found.count(text) == 1, text
    assert found.count("single seeds (thick: median)") == 1


def test_a_single_seed_is_its_own_median(tmp_path: Path) -> None:
    plot_methods({"panel": {"one": [points(5, 3, 1)]}}, tmp_path / "methods.svg", "value")
    assert "single seeds (thick: median)" not in comments(tmp_path / "methods.svg")


def test_methods_are_told_apart_without_colours() -> None:
    """Neighbours of like brightness have other dashes, and no two methods the same mark."""
    for name in ("linestyle", "marker"):
        assert len({str(style[name]) for style in STYLES}) == len(STYLES)
    grey = sorted(
        float(np.dot(to_rgb(style["color"]), (0.299, 0.587, 0.114))) for style in STYLES[:6]
    )
    assert min(b - a for a, b in pairwise(grey)) > 0.08


@each(
    ("curves", "message"),
    [
        ({}, "at least one panel"),
        ({"panel": {"one": []}}, "at least one value"),
        ({"panel": {"one": [np.empty((0, 2))]}}, "at least one value"),
        ({"panel": {str(i): [points(1)] for i in range(8)}}, "at most 7 methods, not 8"),
    ],
)
def test_what_can_not_be_drawn_is_one_sentence(
    curves: dict[str, dict[str, list[np.ndarray]]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(EvollmError, match=message):
        plot_methods(curves, tmp_path / "none.png", "value")


def test_without_matplotlib_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(EvollmError, match="a figure needs matplotlib: pip install matplotlib"):
        panels(1)
