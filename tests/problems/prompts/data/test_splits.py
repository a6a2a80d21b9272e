"""Splits: repeats out, disjoint, balanced, the same everywhere, and proved so when loaded."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.errors import EvollmError
from problems.prompts.data.example import Example, distinct, normalize
from problems.prompts.data.splits import Sizes, Splits, balanced, cut
from tests.problems.prompts.data.support_data import SIZES, rows


def of(text: str, label: int = 0, source: str = "a.tsv", line: int = 2) -> Example:
    return Example({"sentence_1": text}, label, source=source, lines=(line,))


def test_texts_are_compared_without_blanks_case_and_width() -> None:
    same = ["It's fine .", "it's fine.", " IT'S\tfine.\n", "it's \N{LATIN SMALL LIGATURE FI}ne."]
    assert len({normalize(text) for text in same}) == 1
    assert normalize("it's fine") != normalize("it's fine.")


def test_repeats_and_conflicting_labels_are_left_out() -> None:
    found = distinct([of("a"), of("b"), of("A "), of("c", 1), of("C", 0), of("c", 1)])
    assert [example.fields["sentence_1"] for example in found] == ["a", "b"]


def test_a_cut_has_the_sizes_classes_in_turn_and_balanced_halves() -> None:
    splits = cut(rows(), SIZES)
    assert {name: len(examples) // 2 for name, examples in splits} == {
        "demonstrations": 8,
        "search": 4,
        "select": 6,
        "test": 10,
    }
    for _, examples in splits:
        assert [one.label for one in examples] == [0, 1] * (len(examples) // 2)


@given(st.permutations(rows(40)), st.integers(0, 5))
def test_a_cut_depends_on_the_seed_alone(examples: list[Example], seed: int) -> None:
    sizes = Sizes(3, 3, 3, 5)
    assert cut(examples, sizes, seed=seed) == cut(rows(40), sizes, seed=seed)
    assert cut(examples, sizes, seed=seed) != cut(examples, sizes, seed=seed + 1)


def test_the_test_split_takes_what_is_left_equally_of_each_class() -> None:
    uneven = [one for one in rows() if one.label == 0 or int(one.lines[0]) <= 50]
    assert len(cut(uneven, SIZES).test) == 2 * (25 - 18)
    with pytest.raises(EvollmError, match=r"a class has 15 examples, but the splits need 18 per"):
        cut(rows(30), SIZES)


def test_a_planted_duplicate_is_refused() -> None:
    with pytest.raises(EvollmError) as caught:
        Splits(search=(of("a Film"),), test=(of("x"), of("A film ", source="b.tsv", line=9)))
    assert str(caught.value) == (
        "the text 'A film' is both in search (a.tsv, line 2) and in test (b.tsv, line 9): remove "
        "it from one"
    )


def test_a_planted_label_inversion_is_refused() -> None:
    inverted = of("A film ", 1, "b.tsv", 9)
    with pytest.raises(EvollmError) as caught:
        Splits(search=(of("a Film"),), test=(of("x"), inverted))
    assert str(caught.value) == (
        "the text 'A film' has the answer 0 in search (a.tsv, line 2) and 1 in test (b.tsv, line "
        "9): correct one of them"
    )
    with pytest.raises(EvollmError, match="has the answer 0 in search"):
        Splits(search=(of("a film"), inverted))


def test_shared_texts_stay_with_the_publishers_test_unless_labels_are_inverted() -> None:
    held = [of(one.fields["sentence_1"], one.label or 0, "test.tsv") for one in rows(20)]
    splits = cut(rows(), SIZES, held_out=held)
    assert len(splits.test) == 20
    assert len(splits.demonstrations) == 16
    one_wrong = [replace(held[0], label=1), *held[1:]]
    assert len(cut(rows(), SIZES, held_out=one_wrong).test) == 18
    wrong = [replace(one, label=1 - (one.label or 0)) for one in held]
    with pytest.raises(EvollmError, match=r"20 of 20 shared texts have another label in test.tsv"):
        cut(rows(), SIZES, held_out=wrong)


def test_provenance_names_files_lines_and_a_digest_of_texts_and_labels() -> None:
    one, two = of("a"), of("b", 1, "b.tsv", 5)
    found = Splits(search=(one, two)).provenance["search"]
    assert found.sources == ("a.tsv", "b.tsv")
    assert found.lines == (2, 5)
    assert len(found.digest) == 64
    for other in ((two, one), (one, replace(two, label=0)), (one, of("c", 1, "b.tsv", 5))):
        assert Splits(search=other).provenance["search"].digest != found.digest


def test_balanced_subsets_are_drawn_by_seed() -> None:
    some = balanced(rows(), 5, seed=1)
    assert [one.label for one in some] == [0, 1] * 5
    assert some == balanced(rows(), 5, seed=1) != balanced(rows(), 5, seed=2)
    with pytest.raises(EvollmError, match="a class has 30 examples, fewer than 31"):
        balanced(rows(), 31)
