"""Candidates computed from the block in which they differ: what several share is computed once.

All go through a block before the next one is begun, so that those that differ in their past but
have the same levels here go through it together: its weights are read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from problems.compression.evaluation.stitched import Config, Stitched

if TYPE_CHECKING:
    from torch import Tensor

    from problems.lm.blocks import Entry

Configs = tuple[Config, ...]
"""For each block the levels of its units."""


@dataclass(frozen=True, slots=True)
class Node:
    """A block that is run once for all candidates that are alike up to it.

    Attributes:
        before: Place of the node of the block before it.
        config: The block's levels.
    """

    before: int
    config: Config


class Trie:
    """What is run for some candidates.

    Args:
        candidates: For each its blocks' configurations.

    Attributes:
        rows: For each block its nodes.
        ends: For each candidate the place of its node in the last row.
    """

    def __init__(self, candidates: Sequence[Configs]) -> None:
        self.rows: list[list[Node]] = []
        self.ends = [0] * len(candidates)
        for configs in zip(*candidates, strict=True):
            nodes = [Node(*each) for each in zip(self.ends, configs, strict=True)]
            places = {node: place for place, node in enumerate(dict.fromkeys(nodes))}
            self.rows.append(list(places))
            self.ends = [places[node] for node in nodes]

    @property
    def size(self) -> int:
        """Number of nodes."""
        return sum(map(len, self.rows))


def outputs(stitched: Stitched, trie: Trie, entries: Mapping[int, Entry]) -> list[Tensor]:
    """Run candidates through the blocks.

    Args:
        stitched: The model.
        trie: The candidates.
        entries: What enters the first block, for one candidate and for several side by side.

    Returns:
        For each node of the last row, what leaves it.
    """
    states = [entries[1].hidden]
    for block, nodes in enumerate(trie.rows):
        found: dict[int, Tensor] = {}
        for config, places in _alike(nodes).items():
            for some in _cut(places, max(entries)):
                given = [states[nodes[place].before] for place in some]
                found |= zip(some, _run(stitched, block, config, given, entries), strict=True)
        states = [found[place] for place in range(len(nodes))]
    return states


def sorted_alike(candidates: Sequence[Configs]) -> list[int]:
    """Return the order in which those that begin alike stand side by side."""
    numbers: dict[Config, int] = {}
    keys = [[numbers.setdefault(config, len(numbers)) for config in one] for one in candidates]
    return sorted(range(len(keys)), key=lambda index: keys[index])


def _alike(nodes: Sequence[Node]) -> dict[Config, list[int]]:
    found: dict[Config, list[int]] = {}
    for place, node in enumerate(nodes):
        found.setdefault(node.config, []).append(place)
    return found


def _cut(places: list[int], most: int) -> Iterator[list[int]]:
    for start in range(0, len(places), most):
        yield places[start : start + most]


def _run(
    stitched: Stitched,
    block: int,
    config: Config,
    given: list[Tensor],
    entries: Mapping[int, Entry],
) -> Sequence[Tensor]:
    """Run states through a block side by side."""
    import torch

    if stitched.skips(config):
        return given
    hidden = given[0] if len(given) == 1 else torch.cat(given)
    found: Sequence[Tensor] = torch.chunk(
        stitched.run(block, config, hidden, entries[len(given)]), len(given)
    )
    return found
