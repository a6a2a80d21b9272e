"""The level map as a picture: what is in its cells, and files that can be read."""

from pathlib import Path

import numpy as np
import pytest

from problems.compression.present.curves import plot_convergence, plot_front
from problems.compression.present.map import grid, plot_map
from tests.problems.compression.support_search import Made
from tests.support_each import each

PNG = b"\x89PNG"


@each(
    ("kind", "names"),
    [
        ("depth", ["attention", "mlp"]),
        ("quantization", ["self_attn.q_proj", "self_attn.k_proj"]),
        ("sparsity", ["self_attn.q_proj", "self_attn.k_proj"]),
        ("joint", ["self_attn.q_proj", "self_attn.k_proj"]),
    ],
)
def test_cells_are_the_levels(kind: str, names: list[str], tiny: Made, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = tiny.system(kind).search(seed=1)
    rows, values, gone = grid(found)
    assert rows[:2] == names
    assert values.shape == gone.shape == (len(rows), 4)
    assert gone.any() == (kind in ("depth", "joint"))
    first = found.layout.levels(found.genome)[0]
    share = first.value / found.layout.units[0].size
    expected = {"quantization": first.value, "sparsity": share, "depth": 1.0}
    assert kind == "joint" or values[0, 0] == pytest.approx(expected[kind])
    assert not np.isnan(values).any()
    file = plot_map(found, tmp_path / f"{kind}.png")
    curve = plot_convergence(found, tmp_path / f"{kind}-curve.png")
    assert file.read_bytes()[:4] == curve.read_bytes()[:4] == PNG


def test_a_front_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    points = [(2_000_000, 0.3, 0.01), (1_000_000, 0.9, 0.02)]
    assert plot_front(points, tmp_path / "front.png").read_bytes()[:4] == PNG
