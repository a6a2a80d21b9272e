"""Texts laid out in rows: what is computed once for all, and what side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts, or their ends, in rows of equal length.

    Attributes:
        ids: Of shape ``(rows, tokens)``.
        positions: Of the tokens in their texts; of padding 0. Same shape.
        owners: Indices of the tokens' texts; of padding -1. Same shape.
        rows: For each text, in rising order of its index, its row.
        ends: And where in the row its last token is.
    """

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    owners: NDArray[np.int64]
    rows: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def texts(self) -> NDArray[np.int64]:
        """Indices of the texts, rising."""
        return np.unique(self.owners[self.owners >= 0])

    @property
    def padded(self) -> int:
        """Number of positions without a token."""
        return int((self.owners < 0).sum())

    def find(self, wanted: Sequence[Sequence[int]]) -> NDArray[np.int64]:
        """Return where positions of texts are.

        Args:
            wanted: Positions for each text, those of other batches included.

        Returns:
            Text, row and column of each position, of shape ``(3, positions)``.
        """
        found = [
            (text, row, end - self.positions[row, end] + position)
            for text, row, end in zip(self.texts, self.rows, self.ends, strict=True)
            for position in wanted[text]
        ]
        return np.array(found).T

    def sees(self, start: int) -> NDArray[np.bool_]:
        """Return which tokens each token sees: the shared start, and its own text up to itself.

        Args:
            start: Length of the shared start.

        Returns:
            Of shape ``(rows, tokens, start + tokens)``.
        """
        rows, width = self.ids.shape
        own = (self.owners[:, :, None] == self.owners[:, None]) & np.tri(width, dtype=np.bool_)
        return np.concatenate([np.ones((rows, width, start), np.bool_), own], 2)


def shared(texts: Sequence[Ids]) -> int:
    """Return how many tokens all texts begin with, such that each keeps at least one of its own.

    It is 0 for a single text, which shares nothing.
    """
    if len(texts) < 2:
        return 0
    first, last = min(map(tuple, texts)), max(map(tuple, texts))
    most = min(map(len, texts)) - 1
    same = (a == b for a, b in zip(first[:most], last[:most], strict=True))
    return next((i for i, equal in enumerate(same) if not equal), most)


def batches(texts: Sequence[Ids], start: int, row: int, most: int, pad: int) -> Iterator[Batch]:
    """Lay out texts without the start that they share.

    The layout depends on these texts alone, and not on their order.

    Args:
        texts: Ids.
        start: Number of ids at the start of each that are left out.
        row: Tokens of a row that holds several texts; 0 to give each text a row of its own.
        most: Positions of a batch, unless a single row is longer.
        pad: Id of padding.
    """
    lengths = [len(text) - start for text in texts]
    order = sorted(range(len(texts)), key=lambda i: (-lengths[i], *texts[i]))
    count = len(texts) if row == 0 else -(-sum(lengths) // max(row, *lengths, 1))
    rows = sorted(_filled(order, lengths, count), key=lambda held: -sum(lengths[i] for i in held))
    while rows:
        width = sum(lengths[i] for i in rows[0])
        fits = max(1, most // width)
        yield _batch(texts, start, rows[:fits], width, pad)
        rows = rows[fits:]


def _filled(order: list[int], lengths: list[int], count: int) -> list[list[int]]:
    """Give each text, the longest first, to the row with the fewest tokens."""
    rows: list[list[int]] = [[] for _ in range(count)]
    sizes = np.zeros(count, np.int64)
    for index in order:
        emptiest = int(sizes.argmin())
        rows[emptiest].append(index)
        sizes[emptiest] += lengths[index]
    return rows


def _batch(texts: Sequence[Ids], start: int, rows: list[list[int]], width: int, pad: int) -> Batch:
    ids = np.full((len(rows), width), pad, np.int64)
    positions, owners = np.zeros_like(ids), np.full_like(ids, -1)
    places = {}
    for place, held in enumerate(rows):
        begin = 0
        for index in held:
            own = texts[index][start:]
            end = begin + len(own)
            ids[place, begin:end] = own
            positions[place, begin:end] = np.arange(start, start + len(own))
            owners[place, begin:end] = index
            places[index] = place, end - 1
            begin = end
    found = np.array([places[index] for index in sorted(places)])
    return Batch(ids, positions, owners, found[:, 0], found[:, 1])
