"""Scores against values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from problems.prompts.data.scores import choose, elites, margins, percentile_pool, stage_mean
from tests.support_each import each

SHARES = [
    ((0.5, 0.3, 0.2), 0, 0.2, 40.0, 0),
    ((0.2, 0.5, 0.3), 0, -0.3, -54.0, 1),
    ((0.6, 0.4), 0, 0.2, 40.0, 0),
    ((0.1, 0.9), 0, -0.8, -144.0, 1),
    ((0.5, 0.5), 1, 0.0, 0.0, 0),
]


@each(("shares", "label", "gap", "reward", "prediction"), SHARES)
def test_golden_margins(
    shares: tuple[float, ...], label: int, gap: float, reward: float, prediction: int
) -> None:
    found = margins(np.log([shares]), [label])
    assert found.gaps == pytest.approx([gap], abs=1e-12)
    assert found.reward == pytest.approx(reward, abs=1e-9)
    assert found.predictions.tolist() == [prediction]
    assert found.accuracy == (prediction == label)
    assert found.ties == (shares == (0.5, 0.5))


def test_golden_means_and_logits() -> None:
    both = margins(np.log([SHARES[0][0], SHARES[1][0]]), [0, 0])
    assert (both.reward, both.accuracy) == (pytest.approx(-7, abs=1e-9), 0.5)
    logits = [[1, 2, 0], [1, 2, 0]]
    assert margins(logits, [0, 1]).rewards == pytest.approx([-75.692, 84.102], abs=5e-4)


@given(st.lists(st.tuples(*[st.floats(-30, 30, width=16)] * 3), min_size=1), st.data())
def test_margins_keep_their_ranges_and_add_up(
    scores: list[tuple[float, ...]], data: st.DataObject
) -> None:
    labels = [data.draw(st.integers(0, 2)) for _ in scores]
    found = margins(scores, labels)
    assert ((found.rewards >= -180) & (found.rewards <= 200)).all()
    assert (found.correct | (found.gaps <= 0)).all()
    shifted = margins(np.asarray(scores) + 7, labels)
    assert shifted.gaps == pytest.approx(found.gaps, abs=1e-9)
    cut = len(scores) // 2
    if cut:
        halves = margins(scores[:cut], labels[:cut]) + margins(scores[cut:], labels[cut:])
        assert halves.rewards.tolist() == found.rewards.tolist()
        assert halves.ties == found.ties


def test_golden_stages() -> None:
    stages = [[1, 0], [1, 1, 1]]
    assert stage_mean(stages[:1]) == 0.5
    assert stage_mean(stages) == pytest.approx(0.8)
    assert stage_mean(stages, equally=True) == pytest.approx(0.75)


def test_golden_percentile_pool() -> None:
    scores = [0.5, 0.5, 0.625, 0.625, 0.75, 0.75, 0.75, 0.75, 0.875, 0.875]
    assert percentile_pool(scores) == (8, 9)
    assert percentile_pool([0.5] * 7) == tuple(range(7))


def test_elites_are_distinct_and_cut_at_the_border_by_length_then_age() -> None:
    scores = [0.5, 0.9, 0.7, 0.7, 0.7, 0.9]
    lengths = [9, 9, 5, 4, 4, 3]
    keys = ["a", "b", "c", "d", "e", "b"]
    assert elites(scores, lengths, keys, least=2) == (1, 3)
    assert elites(scores, lengths, keys, least=3) == (1, 3, 4)
    assert elites(scores, lengths, keys) == (1, 3, 4, 2, 0)


def test_a_tenth_of_many_elites_is_rounded_up() -> None:
    sizes = {count: len(elites([0] * count, [0] * count, range(count))) for count in (3, 99, 101)}
    assert sizes == {3: 3, 99: 10, 101: 11}
    thirty = range(30)
    assert len(elites([0] * 30, [0] * 30, thirty, least=1)) == 3


def test_the_choice_goes_by_selection_then_search_then_length_then_age() -> None:
    assert choose([0.7, 0.8, 0.8], [99, 1, 2], [1, 1, 9]) == 2
    assert choose([0.8, 0.8, 0.8], [1, 1, 1], [5, 4, 4]) == 1
