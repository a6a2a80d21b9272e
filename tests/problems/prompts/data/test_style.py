"""Style transfer's scores, and chrF against values worked out by hand."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.errors import EvollmError
from problems.prompts.data.chrf import chrf
from problems.prompts.data.style import StyleJudge


def polite(sources: Sequence[str], texts: Sequence[str]) -> list[float]:
    assert all(text.strip() for text in texts)
    return [float("please" in text) for text in texts]


def short(sources: Sequence[str], texts: Sequence[str]) -> list[bool]:
    return [len(text) < 20 for text in texts]


JUDGE = StyleJudge(polite, short)


def test_golden_chrf() -> None:
    # ab against abc: precision 1 for n = 1, 2; recall 2/3 and 1/2, so 7/12.
    assert chrf("ab", "abc") == pytest.approx(100 * 5 * (7 / 12) / (4 + 7 / 12))
    # The other way round precision is 7/12 and recall 1.
    assert chrf("abc", "ab") == pytest.approx(100 * 5 * (7 / 12) / (4 * 7 / 12 + 1))
    # aab against aba: 3/3 of the letters, 1/2 of the pairs, 0/1 of the triples, both ways.
    assert chrf("aab", "aba") == pytest.approx(50)
    assert chrf("aab", "aba", order=1) == pytest.approx(100)
    assert chrf("xyz", "abc") == chrf("", "abc") == chrf("abc", " ") == 0


@given(st.text(min_size=1), st.text())
def test_chrf_of_a_text_with_itself_is_full_and_blanks_do_not_count(one: str, two: str) -> None:
    assert chrf(one, one) == pytest.approx(100)
    assert 0 <= chrf(one, two) <= 100 + 1e-9
    assert chrf(" ".join(one), two) == chrf(one, two)


def test_the_joint_score_counts_content_where_style_and_fluency_are_right() -> None:
    sources = ["go away", "go away", "go", "stop"]
    texts = ["go away please", "go away", "go, please, " * 3, " "]
    found = JUDGE.scores(sources, texts)
    assert found.content[1] == pytest.approx(100)
    assert found.joints.tolist() == [found.content[0], 0, 0, 0]
    metrics = found.metrics
    assert metrics["joint"] == pytest.approx(found.content[0] / 4)
    assert (metrics["style"], metrics["fluency"]) == (0.5, 0.5)
    mean = metrics["content"] * 50 * 50
    assert metrics["geometric"] == pytest.approx(mean ** (1 / 3))
    assert JUDGE.scores(["a"], [""]).metrics == dict.fromkeys(metrics, 0.0)


def test_the_best_sample_has_most_content_and_style() -> None:
    samples = [["please", "go please", "go"], ["", " "], ["", "x"]]
    assert JUDGE.best(["go", "go", "go"], samples) == ("go please", "", "x")


def test_scorers_that_return_something_else_are_named() -> None:
    wrong = StyleJudge(lambda sources, texts: [1.0], short)
    with pytest.raises(EvollmError, match=r"scorer of style returned \(1,\) for 2 texts"):
        wrong.scores(["a", "b"], ["a", "b"])
    wrong = StyleJudge(polite, short, lambda sources, texts: [101.0])
    with pytest.raises(EvollmError, match=r"scorer of content returned 101.0: return 0 to 100"):
        wrong.scores(["a"], ["a"])
    wrong = StyleJudge(polite, lambda sources, texts: [float("nan")])
    with pytest.raises(EvollmError, match="scorer of fluency returned nan: return 0 to 1"):
        wrong.scores(["a"], ["a"])
