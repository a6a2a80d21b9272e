"""Texts in rows: all there, none twice, little padding, the same in any order."""

import numpy as np

from problems.lm.scoring.layout import batches, shared
from tests.problems.lm.scoring.support_texts import texts
from tests.support_each import each


@each("row, most", [(0, 1), (0, 60), (16, 1), (16, 1000), (64, 130)])
def test_each_token_is_somewhere_once(row: int, most: int) -> None:
    given = texts(count=20)
    seen = 0
    for batch in batches(given, 12, row, most, pad=-7):
        assert batch.ids.size <= most or len(batch.ids) == 1
        assert batch.padded == (batch.ids == -7).sum()
        for text, place, end in zip(batch.texts, batch.rows, batch.ends, strict=True):
            own = batch.owners[place] == text
            assert batch.ids[place][own].tolist() == list(given[text][12:])
            assert batch.positions[place][own].tolist() == [*range(12, len(given[text]))]
            assert own.nonzero()[0][-1] == end
            seen += 1
    assert seen == 20


def test_places_of_positions() -> None:
    given = texts(count=4)
    [batch] = batches(given, 12, 64, 1000, pad=0)
    owners, rows, columns = batch.find([(len(text) - 1, 12) for text in given])
    assert owners.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert batch.ids[rows, columns].tolist() == [one for t in given for one in (t[-1], t[12])]


def test_a_token_sees_the_start_and_its_own_text_up_to_itself() -> None:
    [batch] = batches([(1, 2, 3), (1, 4, 5)], 1, 8, 8, pad=0)
    own = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]
    assert batch.sees(1).astype(int).tolist() == [[[1, *row] for row in own]]


def test_rows_are_filled_evenly_and_in_an_order_of_their_own() -> None:
    given = texts(count=20)
    together = [*batches(given, 12, 64, 1000, pad=0)]
    assert sum(one.padded for one in together) < 0.05 * sum(one.ids.size for one in together)
    other = [*batches(given[::-1], 12, 64, 1000, pad=0)]
    assert all(np.array_equal(a.ids, b.ids) for a, b in zip(together, other, strict=True))


def test_how_much_texts_share() -> None:
    assert shared([]) == shared([(1, 2)]) == shared([(1, 2), (2, 2)]) == 0
    assert shared([(1, 2), (1, 2)]) == 1
    assert shared([(1, 2, 3, 9), (1, 2, 4), (1, 2, 3)]) == 2
