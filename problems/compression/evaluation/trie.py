"""Candidates computed from the block in which they differ: what several share is computed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from problems.compression.evaluation.stitched import Config, Stitched

if TYPE_CHECKING:
    from torch import Tensor

    from problems.lm.blocks import Entry

Configs = tuple[Config, ...]
"""For each block the levels of its units."""


class Trie:
    """The order in which candidates share most.

    Args:
        candidates: For each its blocks' configurations.

    Attributes:
        candidates: As given.
        order: Indices of the candidates: those that begin alike stand side by side.
        shared: For each in this order, with how many blocks it begins as the one before.
        nodes: How many blocks are run.
    """

    def __init__(self, candidates: Sequence[Configs]) -> None:
        self.candidates = candidates
        numbers: dict[Config, int] = {}
        keys = [
            tuple(numbers.setdefault(config, len(numbers)) for config in configs)
            for configs in candidates
        ]
        self.order = sorted(range(len(keys)), key=lambda index: keys[index])
        pairs = zip([None, *self.order], self.order, strict=False)
        self.shared = [
            0 if before is None else _alike(keys[before], keys[index]) for before, index in pairs
        ]
        self.nodes = sum(map(len, keys)) - sum(self.shared)


def _alike(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    both = zip(one, other, strict=True)
    return next((place for place, (a, b) in enumerate(both) if a != b), len(one))


def outputs(stitched: Stitched, trie: Trie, entry: Entry) -> Iterator[tuple[int, Tensor]]:
    """Run candidates through the blocks, depth first: one hidden state per block is held.

    Args:
        stitched: The model.
        trie: The candidates.
        entry: What enters the first block.

    Yields:
        The index of each candidate, and what leaves its last block.
    """
    states = [entry.hidden]
    for index, shared in zip(trie.order, trie.shared, strict=True):
        del states[shared + 1 :]
        for block, config in enumerate(trie.candidates[index][shared:], shared):
            states.append(stitched.run(block, config, states[-1], entry))
        yield index, states[-1]
