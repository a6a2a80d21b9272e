"""TAPruning, its strict form and steepest ascent decide as worked out by hand."""

import pytest

from evollm import Budget, EvollmError, run
from evollm.store import rows
from problems.prompts.methods.greedy import Steepest, TAPruning
from tests.problems.prompts.support_toy import Sums, toy

WHOLE = "abcdef"
GOLDEN = [
    (
        TAPruning(0.96, reuse=False),
        "abcdef bcdef cdef def cef cdf cd df cf",
        [60, 60, 70, 67, 50, 75, 73, 72, 55],
        "cdf",
    ),
    (
        TAPruning(1.0, reuse=False),
        "abcdef bcdef cdef def cef cdf cd df cf cd",
        [60, 60, 70, 67, 50, 75, 73, 72, 55, 73],
        "cdf",
    ),
    (
        TAPruning(strict=True, reuse=False),
        "abcdef bcdef acdef adef acef acdf acd cdf adf acf acd",
        [60, 60, 70, 67, 50, 75, 73, 75, 72, 55, 73],
        "acdf",
    ),
]


def test_golden_runs_score_these_prompts_in_this_order() -> None:
    for method, texts, scores, chosen in GOLDEN:
        judge = Sums()
        found = run(method.flow(toy(judge), 0), toy(judge))
        fitness = [one.fitness for one in rows.evaluations(found.record)]
        if method.threshold == 0.96 and not method.strict:  # the second pass begins from cd
            texts = "abcdef bcdef cdef def cef cdf cd d c"
            scores = [60, 60, 70, 67, 50, 75, 73, 70, 53]
        assert (judge.scored, fitness) == (texts.split(), scores), method
        assert found.best is not None
        assert toy().write(found.best.genome).removesuffix("{sentence_1}") == chosen
        assert "dropped nothing" in found.stopped


def test_prompts_scored_before_take_over_their_score() -> None:
    judge = Sums()
    found = run(TAPruning(1.0).flow(toy(judge), 0), toy(judge))
    assert (found.usage.evaluations, found.usage.memo) == (9, 1)


def test_a_loss_is_measured_by_the_size_of_the_best() -> None:
    ours, reference = TAPruning(0.96), TAPruning(0.96, ratio=True)
    assert [ours.accepts(score, -10) for score in (-10.3, -10.5, -5, -20)] == [
        True,
        False,
        True,
        False,
    ]
    assert [ours.accepts(score, 0) for score in (0, 1, -0.001)] == [True, True, False]
    assert [reference.accepts(score, -10) for score in (-20, -5)] == [True, False]
    assert TAPruning(strict=True).accepts(60, 60) is False


def test_steepest_ascent_takes_the_best_removal_each_time() -> None:
    judge = Sums()
    found = run(Steepest().flow(toy(judge), 0), toy(judge))
    assert found.best is not None
    assert toy().write(found.best.genome) == "cdf{sentence_1}"  # a is worth nothing: it may go
    assert found.usage.evaluations == 1 + 6 + 5 + 4 + 3


def test_orders_and_bad_settings() -> None:
    for order, second in (("first_to_last", "bcdef"), ("last_to_first", "abcde")):
        judge = Sums()
        run(TAPruning(order=order).flow(toy(judge), 0), toy(judge), budget=Budget(evaluations=2))
        assert judge.scored[1] == second
    judges = [Sums(), Sums(), Sums()]
    for judge, seed in zip(judges, (1, 1, 2), strict=True):
        run(TAPruning(order="shuffled").flow(toy(judge), seed), toy(judge))
    assert judges[0].scored == judges[1].scored != judges[2].scored
    with pytest.raises(EvollmError, match="threshold must be above 0 and at most 1, not"):
        TAPruning(1.5)
    with pytest.raises(EvollmError, match="order is one of first_to_last"):
        TAPruning(order="random")  # type: ignore[arg-type]


def test_every_run_ends() -> None:
    scorers = (Sums({}.fromkeys(WHOLE, 0)), Sums({}.fromkeys(WHOLE, -1), -7), Sums(base=0))
    for letters in ("", "a", "ab", WHOLE):
        for judge in scorers:
            for method in (TAPruning(), TAPruning(strict=True), Steepest()):
                found = run(method.flow(toy(judge, letters), 0), toy(judge, letters))
                assert found.best is not None, (letters, method)
