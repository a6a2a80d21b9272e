"""The picture of a level map: blocks by projections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evollm.report.plots import figure, saved
from problems.compression.layout import Unit

if TYPE_CHECKING:
    from problems.compression.compressed import Compressed

CELL = 0.24
"""Height of a row, in inches."""


def plot_map(compressed: Compressed, file: str | Path) -> Path:
    """Draw the level of each unit: a column for each block, a row for each projection.

    What is dropped is crossed out.

    Args:
        compressed: What a search came to.
        file: Where to put the picture; its ending says the format.

    Returns:
        The file.

    Raises:
        EvollmError: If matplotlib is not installed, or the file can't be written.
    """
    names, values, gone = grid(compressed)
    drawn = figure(max(4.0, 0.2 * values.shape[1] + 2.2), CELL * len(names) + 1.2)
    axes = drawn.subplots()
    shown = np.ma.masked_invalid(np.where(gone, np.nan, values))
    image = axes.imshow(
        shown, aspect="auto", cmap="viridis", interpolation="nearest", **_range(shown)
    )
    for row, column in np.argwhere(gone):
        axes.plot(column, row, "x", color="#b00020", markersize=5)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("block")
    axes.xaxis.get_major_locator().set_params(integer=True)
    kinds = {unit.levels[-1].kind for unit in compressed.layout.units if unit.linear}
    if kinds:
        label = "share of zeros" if "zeros" in kinds else "bits per weight"
        drawn.colorbar(image, ax=axes, label=label)
    axes.set_title(f"{compressed.system.kind.target}: {compressed.bytes:,} bytes", fontsize=9)
    return saved(drawn, file)


def grid(compressed: Compressed) -> tuple[list[str], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the names of the rows, the value of each cell, and which cells are dropped.

    Values are bits per weight, the share of zeros, or 1 for a sublayer that is kept; NaN where a
    block has no such unit.
    """
    layout = compressed.layout
    linear = any(unit.linear for unit in layout.units)
    units = [unit for unit in layout.units if unit.linear == linear]
    names = list(dict.fromkeys(unit.name for unit in units))
    values = np.full((len(names), layout.blocks), np.nan)
    gone = np.zeros(values.shape, np.bool_)
    genome = compressed.genome
    for unit, place, dropped in zip(layout.units, genome, layout.dropped(genome), strict=True):
        if unit.linear == linear:
            cell = names.index(unit.name), unit.block
            values[cell], gone[cell] = _value(unit, int(place)), dropped
    return names, values, gone


def _value(unit: Unit, place: int) -> float:
    level = unit.levels[place]
    if level.kind == "zeros":
        return level.value / unit.size
    if level.kind == "gguf":
        return 8 * unit.costs[place] / unit.size
    return level.value if unit.linear else 1.0


def _range(shown: Any) -> dict[str, float]:
    low, high = float(shown.min()), float(shown.max())
    return {"vmin": low - 0.5, "vmax": high + 0.5} if low == high else {"vmin": low, "vmax": high}
