"""Streams: what a seed brings depends on nothing beside it, and looks like chance."""

import numpy as np

from operators.streams import Streams

SEEDS = [0, 1, 2, 2**53 - 1, 7]


def split_mix(state: int, count: int) -> list[int]:
    """The reference: https://prng.di.unimi.it/splitmix64.c."""
    found = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) % 2**64
        found.append(mixed ^ (mixed >> 31))
    return found


def test_the_reference_brings_the_published_numbers() -> None:
    assert split_mix(1234567, 2) == [6457827717110365317, 3203168211198807973]


def test_a_stream_is_split_mix_from_a_mixed_seed() -> None:
    streams = Streams(SEEDS)
    drawn = np.concatenate([streams.random(2, 3).reshape(len(SEEDS), 6), streams.random(1)], axis=1)
    for seed, own in zip(SEEDS, drawn.tolist(), strict=True):
        assert own == [
            bits / 2**53 for bits in (x >> 11 for x in split_mix(split_mix(seed, 1)[0], 7))
        ]


def test_a_seed_brings_the_same_alone_and_among_others() -> None:
    for size in (1, 3, 100):
        streams = Streams(SEEDS)
        many = [streams.normal(size), streams.integers(9, size), np.array(streams.seeds())]
        for place, seed in enumerate(SEEDS):
            alone = Streams([seed])
            for whole, own in zip(
                many,
                (alone.normal(size), alone.integers(9, size), np.array(alone.seeds())),
                strict=True,
            ):
                assert np.array_equal(whole[place], own[0])


def test_the_numbers_of_neighbouring_seeds_are_even_and_unrelated() -> None:
    drawn = Streams(range(20_000)).random(3)
    assert 0 <= drawn.min() < drawn.max() < 1
    counts, _ = np.histogram(drawn, 10)
    assert np.all(np.abs(counts / drawn.size - 0.1) < 0.005)
    normal = Streams(range(20_000)).normal(3)
    for related in (drawn[:, :2], normal[:, :2]):
        assert abs(np.corrcoef(related.T)[0, 1]) < 0.03
        assert abs(np.corrcoef(related[1:, 0], related[:-1, 0])[0, 1]) < 0.03
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1) < 0.02
    assert abs((normal**4).mean() - 3) < 0.15
