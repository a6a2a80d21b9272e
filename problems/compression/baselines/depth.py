"""Which sublayers to drop by one look at each: similarity of states, and perplexity without it.

- Men et al., ShortGPT, 2024, https://arxiv.org/abs/2403.03853: the blocks whose input and output
  are most alike.
- Gromov et al., The Unreasonable Ineffectiveness of the Deeper Layers, 2024,
  https://arxiv.org/abs/2403.17887: the run of blocks over which states change least.
- Kim et al., Shortened LLaMA, 2024, https://arxiv.org/abs/2402.02834: the blocks without which the
  perplexity rises least.

All take a genome whose budget they keep to: of each sort they drop as many as it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from problems.compression.layout import DENSE, DROP, Genome, Layout

if TYPE_CHECKING:
    from torch import Tensor

    from problems.compression.evaluation.scorer import Scorer

Windows = NDArray[np.int64]
Scores = NDArray[np.float64]


def shortgpt(scorer: Scorer, windows: Windows, like: Genome, apart: bool = False) -> Genome:
    """Drop what changes the direction of its input least.

    Args:
        scorer: Of sublayers or blocks.
        windows: Text: ids of shape ``(rows, length)``.
        like: A genome of the budget.
        apart: Rank attention and MLP each by itself; else both by their block, as in the paper.

    Raises:
        EvollmError: If linear layers have levels.
    """
    layout = _checked(scorer)
    cosines = similarities(scorer, windows)
    ranks = {"block": cosines[0]}
    ranks |= {"attention": cosines[1], "mlp": cosines[2]} if apart else {}
    scores = [ranks.get(unit.name, ranks["block"])[unit.block] for unit in layout.units]
    return most(layout, np.array(scores), like)


def sliding_window(scorer: Scorer, windows: Windows, like: Genome) -> Genome:
    """Drop the run of blocks from whose first input to whose last output states turn least.

    Args:
        scorer: Of sublayers or blocks.
        windows: Text: ids of shape ``(rows, length)``.
        like: A genome of the budget. If it drops more attention than MLP or the reverse, each has
            a run of its own.

    Raises:
        EvollmError: If linear layers have levels.
    """
    layout = _checked(scorer)
    names = dict.fromkeys(unit.name for unit in layout.units)
    counts = {name: _count(layout, like, name) for name in names}
    alike = _runs(scorer, windows, sorted(set(counts.values()) - {0}))
    starts = {count: int(np.argmax(found)) for count, found in alike.items()}
    genome = layout.tops.copy()
    for place, unit in enumerate(layout.units):
        count = counts[unit.name]
        genome[place] -= bool(count) and starts[count] <= unit.block < starts[count] + count
    return genome


def shortened(scorer: Scorer, windows: Windows, like: Genome, apart: bool = False) -> Genome:
    """Drop that without which the perplexity is lowest, each being dropped alone.

    The arguments are those of ``shortgpt``.

    Raises:
        EvollmError: If linear layers have levels.
    """
    layout = _checked(scorer)
    places = [
        [i for i, one in enumerate(layout.units) if one.block == unit.block]
        if not apart
        else [place]
        for place, unit in enumerate(layout.units)
    ]
    genomes = [_lowered(layout.tops, some) for some in places]
    scores = scorer.score(genomes, windows, metric="perplexity")
    return most(layout, np.array([-score.mean for score in scores]), like)


def most(layout: Layout, scores: Sequence[float] | Scores, like: Genome) -> Genome:
    """Drop the units with the largest scores, of each sort as many as another genome drops.

    Args:
        layout: Sublayers or blocks.
        scores: For each; of equal ones the later is dropped first.
        like: The other genome.
    """
    genome = layout.tops.copy()
    order = sorted(range(len(layout)), key=lambda place: (scores[place], place), reverse=True)
    for name in dict.fromkeys(unit.name for unit in layout.units):
        ranked = [place for place in order if layout.units[place].name == name]
        genome[ranked[: _count(layout, like, name)]] = 0
    return genome


def similarities(scorer: Scorer, windows: Windows) -> Scores:
    """Return how alike the states before and behind each block, attention and MLP are.

    Args:
        scorer: Of any levels; the original weights are used.
        windows: Text: ids of shape ``(rows, length)``.

    Returns:
        Mean cosines over all positions, of shape ``(3, blocks)``.
    """
    stitched = scorer.stitched
    total = np.zeros((3, len(stitched.blocks)))
    stitched.restore()
    for ids in _batches(scorer, windows):
        entry = stitched.blocks.enter(ids)
        before = entry.hidden
        for block in range(len(stitched.blocks)):
            middle = stitched.run(block, (("mlp", DROP),), before, entry)
            after = stitched.run(block, (("mlp", DENSE),), before, entry)
            pairs = ((before, after), (before, middle), (middle, after))
            total[:, block] += [_cosine(*pair) for pair in pairs]
            before = after
    found: Scores = total / windows.size
    return found


def _runs(scorer: Scorer, windows: Windows, lengths: Sequence[int]) -> dict[int, Scores]:
    """Return for each length the summed cosines over all runs of so many blocks, by their start."""
    stitched = scorer.stitched
    found = {length: np.zeros(len(stitched.blocks) + 1 - length) for length in lengths}
    stitched.restore()
    for ids in _batches(scorer, windows):
        entry = stitched.blocks.enter(ids)
        states = [entry.hidden]
        for block in range(len(stitched.blocks)):
            states.append(stitched.blocks.run(block, states[-1], entry))
        for length, sums in found.items():
            sums += [_cosine(a, b) for a, b in zip(states, states[length:], strict=False)]
    return found


def _cosine(one: Tensor, other: Tensor) -> float:
    """Return the sum over all positions."""
    import torch

    return float(torch.cosine_similarity(one.float(), other.float(), dim=-1).sum())


def _batches(scorer: Scorer, windows: Windows) -> Iterator[Tensor]:
    import torch

    rows = max(1, scorer.batch // windows.shape[1])
    for start in range(0, len(windows), rows):
        yield torch.tensor(windows[start : start + rows], device=scorer.stitched.blocks.lm.device)


def _count(layout: Layout, like: Genome, name: str) -> int:
    """Return how many units of a name a genome drops."""
    pairs = zip(layout.units, layout.dropped(like), strict=True)
    return sum(bool(gone) for unit, gone in pairs if unit.name == name)


def _lowered(genome: Genome, places: Sequence[int]) -> Genome:
    found = genome.copy()
    found[list(places)] = 0
    return found


def _checked(scorer: Scorer) -> Layout:
    layout = scorer.stitched.layout
    if any(unit.linear for unit in layout.units):
        raise EvollmError(
            "linear layers have levels here, and this ranks what can be dropped: take it as a "
            "baseline of depth alone"
        )
    return layout
