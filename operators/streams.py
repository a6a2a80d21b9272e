"""Streams: random numbers for many seeds at once, the same as for each seed alone."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

_GAMMA = 0x9E3779B97F4A7C15
_ONE, _OTHER = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_11, _27, _30, _31 = (np.uint64(shift) for shift in (11, 27, 30, 31))
_UNIT = 2.0**-53


class Streams:
    """One stream of random numbers per seed, by SplitMix64.

    A stream depends only on its seed and on the earlier draws. A thousand seeds need as many NumPy
    calls as one, whereas creating a thousand generators takes longer than most operators do.

    Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014.

    Args:
        seeds: One per job, each at least 0 and below 2**64.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self._size = len(seeds)
        self._states = _mixed(np.array(seeds, dtype=np.uint64)[:, None] + np.uint64(_GAMMA))
        self._drawn = 0

    def random(self, *shape: int) -> NDArray[np.float64]:
        """Return numbers in [0, 1), of shape ``(seeds, *shape)``."""
        drawn: NDArray[np.float64] = np.multiply(self._bits(shape), _UNIT, dtype=np.float64)
        return drawn

    def normal(self, *shape: int) -> NDArray[np.float64]:
        """Return numbers of the standard normal distribution, of shape ``(seeds, *shape)``.

        Box, Muller: A Note on the Generation of Random Normal Deviates, 1958.
        """
        radius = np.sqrt(-2.0 * np.log1p(-self.random(*shape)))
        drawn: NDArray[np.float64] = radius * np.cos(2.0 * np.pi * self.random(*shape))
        return drawn

    def integers(self, high: int, *shape: int) -> NDArray[np.int64]:
        """Return whole numbers in [0, ``high``), of shape ``(seeds, *shape)``."""
        return (self.random(*shape) * high).astype(np.int64)

    def seeds(self) -> list[int]:
        """Return a new seed per stream, each at least 0 and below 2**53."""
        drawn: list[int] = self._bits(()).tolist()
        return drawn

    def _bits(self, shape: tuple[int, ...]) -> NDArray[np.uint64]:
        """Draw 53 bits per number."""
        size = prod(shape)
        bits = _mixed(self._states + _steps(self._drawn, size))
        bits >>= _11
        self._drawn += size
        return bits.reshape(self._size, *shape)


@lru_cache(maxsize=64)
def _steps(drawn: int, size: int) -> NDArray[np.uint64]:
    """Return the offsets of a stream's next states from the first one."""
    return np.arange(drawn + 1, drawn + size + 1, dtype=np.uint64) * np.uint64(_GAMMA)


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix an array of states, in place."""
    shifted = bits >> _30
    bits ^= shifted
    bits *= _ONE
    bits ^= np.right_shift(bits, _27, out=shifted)
    bits *= _OTHER
    bits ^= np.right_shift(bits, _31, out=shifted)
    return bits
