"""Figures of a search for levels: convergence, and a front of bytes against divergence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evollm.report.plots import STYLES, legend, panels, saved
from evollm.store import rows

if TYPE_CHECKING:
    from problems.compression.compressed import Compressed


def plot_convergence(compressed: Compressed, file: str | Path) -> Path:
    """Draw the parent's score by generation; each is on other text, so it need not fall.

    Args:
        compressed: What a search came to.
        file: Where to put the figure; its ending says the format.

    Returns:
        The file.

    Raises:
        EvollmError: If matplotlib is not installed, or the file can't be written.
    """
    drawn, (axes,) = panels(1)
    units = compressed.system.units["fitness"]
    course = [(step, units.value(one)) for step, one in rows.named(compressed.result.record)]
    steps, values = zip(*course, strict=True)
    axes.plot(steps, values, "-o", color="black", markersize=3, label="parent, search text")
    held_out = compressed.held_out
    if held_out is not None and compressed.system.problem.metric == "kl":
        axes.errorbar(
            [steps[-1]],
            [held_out.kl],
            yerr=[held_out.kl_error],
            fmt="D",
            color=STYLES[1]["color"],
            capsize=3,
            label="survivor, held-out text",
        )
    axes.set(xlabel="generation", ylabel=f"{units.name} ({units.unit})")
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    legend(drawn, axes)
    return saved(drawn, file)


def plot_front(points: Sequence[tuple[int, float, float]], file: str | Path) -> Path:
    """Draw divergence against bytes.

    Args:
        points: Of each model on the front its bytes, the divergence on held-out text, and the error
            of that.
        file: Where to put the figure; its ending says the format.

    Returns:
        The file.

    Raises:
        EvollmError: If matplotlib is not installed, or the file can't be written.
    """
    drawn, (axes,) = panels(1)
    sizes, values, errors = zip(*sorted(points), strict=True)
    megabytes = [size / 1e6 for size in sizes]
    axes.errorbar(megabytes, values, yerr=errors, fmt="-o", color="black", capsize=3, markersize=4)
    axes.set(xlabel="megabytes of linear layers", ylabel="KL divergence (nats per token)")
    return saved(drawn, file)
