"""Packed integers."""

import torch

from problems.compression.levels.packing import pack, unpack
from tests.support_each import each


@each("bits", range(1, 9))
def test_round_trip(bits: int) -> None:
    """Also where the last byte is not full, and in the highest bits of a word of eight bytes."""
    rng = torch.Generator().manual_seed(bits)
    for shape in [(1,), (3, 5), (8, 16), (7, 11)]:
        values = torch.randint(0, 2**bits, shape, generator=rng)
        packed = pack(values, bits)
        assert len(packed) == -(-values.numel() * bits // 8)
        assert torch.equal(unpack(packed, bits, shape), values.to(torch.uint8))
    full = torch.full((16,), 2**bits - 1)
    assert torch.equal(unpack(pack(full, bits), bits, (16,)), full.to(torch.uint8))


def test_the_lowest_bits_come_first() -> None:
    """5, 1 and 6 of 3 bits each: 110 001 101, read from the right."""
    assert pack(torch.tensor([5, 1, 6]), 3).tolist() == [0b10001101, 0b1]
