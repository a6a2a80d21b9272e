"""LLEGO's crossover and mutation, with models that are scripts."""

from collections import Counter
from itertools import permutations
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.errors import EvollmError
from evollm.llm.base import Completion, Token
from evollm.llm.scripted import Scripted
from evollm.testing import OperatorKit
from evollm.types import Candidate
from operators.trees.context import TreeContext
from operators.trees.genome import Leaf, Split, depth
from operators.trees.llego import DiverseMutation, GuidedCrossover
from operators.trees.prompting import TreePrompt
from operators.trees.variation import RandomTrees
from tests.operators.trees.support_growth import COLUMNS, trees
from tests.operators.trees.test_prompting import HEAD, OLD, RICH, SHOP, breed, heard, individual
from tests.support_each import checks, each

PARENTS = [individual(RICH, 0.8, 0), individual(OLD, 0.6, 1)]
SHOWN = ["(income<2.25 (age<30.5 0 1) 1)", "(age<30.5 0 1)"]


def prompt_of(operator, parents, seed=0, **settings):
    asking, calls = heard(**settings)
    operator(asking).vary(parents, 1, seed)
    assert len({str(prompt) for prompt, _ in calls}) == 1
    return calls[0][0]


def said(*answers):
    """Return a way to ask whose model gives these answers in turn."""
    model = Scripted(lambda prompt, sample, sampling: answers[sample % len(answers)])
    return TreePrompt(model, SHOP, max_depth=2)


def likely(threshold, *logprobs):
    text = f"(age<{threshold} 0 1)"
    return Completion(text, tokens=tuple(Token("x", logprob) for logprob in logprobs))


@each(
    "operator, settings",
    [
        (GuidedCrossover, {}),
        (GuidedCrossover, {"order": "random", "loss": True}),
        (GuidedCrossover, {"fitness": False, "order": "descending"}),
        (DiverseMutation, {}),
        (DiverseMutation, {"tau": inf, "per_token": True}),
    ],
)
@each("form", [{}, {"mode": "chat"}, {"form": "json", "hold": "schema"}])
@each("check", checks(OperatorKit))
def test_conformance(check, form, operator, settings, tmp_path):
    asking = TreePrompt(Scripted(breed), COLUMNS, max_depth=3, **form)
    check((operator(asking, **settings), RandomTrees(COLUMNS, 3).vary([], 3, 0).genomes), tmp_path)


def test_crossover_shows_parents_from_worse_to_better_and_a_target_beyond():
    assert prompt_of(GuidedCrossover, PARENTS) == (
        HEAD + f"score 0.6000: {SHOWN[1]}\nscore 0.8000: {SHOWN[0]}\nscore 0.8200:"
    )


def test_crossover_by_a_loss_asks_for_less_than_the_least():
    parents = [individual(RICH, -0.5, 0), individual(OLD, -2.5, 1)]
    prompt = prompt_of(lambda asking: GuidedCrossover(asking, alpha=0.05, loss=True), parents)
    assert prompt == HEAD + f"loss 2.5000: {SHOWN[1]}\nloss 0.5000: {SHOWN[0]}\nloss 0.4000:"


@each("alpha", [0.0, 0.1, 0.5, 2.0])
@each("loss", [False, True])
def test_the_target_is_noted_and_lies_alpha_ranges_beyond(alpha, loss):
    parents = [individual(OLD, fitness, i) for i, fitness in enumerate([-3.0, -1.0, -2.0, -inf])]
    made = GuidedCrossover(heard()[0], alpha=alpha, loss=loss).vary(parents, 2, 0)
    target = 1.0 - alpha * 2 if loss else -1.0 + alpha * 2
    assert [note["target"] for note in made.notes] == [pytest.approx(target)] * 2


def test_no_loss_is_no_minus():
    parents = [individual(OLD, 0.0)]
    prompt = prompt_of(lambda asking: GuidedCrossover(asking, loss=True), parents)
    assert prompt.endswith(f"\n\nloss 0.0000: {SHOWN[1]}\nloss 0.0000:")


def test_without_fitness_there_is_neither_score_nor_target():
    prompt = prompt_of(lambda asking: GuidedCrossover(asking, fitness=False), PARENTS)
    assert prompt == HEAD + f"{SHOWN[1]}\n{SHOWN[0]}\n"


def test_the_order_of_parents_is_a_setting():
    down = prompt_of(lambda asking: GuidedCrossover(asking, order="descending"), PARENTS)
    assert down == HEAD + f"score 0.8000: {SHOWN[0]}\nscore 0.6000: {SHOWN[1]}\nscore 0.8200:"
    made = Counter(
        prompt_of(lambda asking: GuidedCrossover(asking, order="random"), PARENTS, seed)
        for seed in range(40)
    )
    assert len(made) == 2
    assert min(made.values()) > 8


def test_failed_and_unscored_parents_come_first_and_without_a_score():
    parents = [*PARENTS, individual(Leaf(1), -inf, 2), Candidate(3, Leaf(0), (), "test", 0)]
    lines = prompt_of(GuidedCrossover, parents).split("\n")
    assert lines[-5:] == [
        "1",
        "0",
        f"score 0.6000: {SHOWN[1]}",
        f"score 0.8000: {SHOWN[0]}",
        "score 0.8200:",
    ]
    assert prompt_of(GuidedCrossover, parents[2:]).endswith("\n\n1\n0\n")


def test_in_chat_the_target_is_named_in_the_wish():
    [message] = prompt_of(GuidedCrossover, PARENTS, mode="chat")
    assert message["content"] == (
        HEAD + f"score 0.6000: {SHOWN[1]}\nscore 0.8000: {SHOWN[0]}\n\nJoin what is good in these "
        "trees to a different, better and simpler one. Continue the list after "
        '"score 0.8200:". Answer with one tree in the same form, and nothing else.'
    )


def test_in_json_the_schema_goes_with_the_prompt():
    asking, calls = heard(form="json", hold="schema")
    made = GuidedCrossover(asking).vary(PARENTS, 2, 0)
    assert len(made.genomes) == 2
    prompt, sampling = calls[0]
    assert '\nscore 0.6000: {"feature":"age","threshold":30.5,' in prompt
    assert sampling.schema["properties"]["feature"] == {"enum": ["age", "income"]}


def test_without_semantics_columns_have_numbers_only():
    asking, calls = heard(columns=SHOP.anonymous(), context=TreeContext())
    GuidedCrossover(asking).vary(PARENTS, 1, 0)
    assert calls[0][0].startswith("Decision trees")
    assert "(x2<2.25 (x1<30.5 0 1) 1)" in calls[0][0]
    assert not any(word in calls[0][0] for word in ("age", "income", "buys"))


def test_a_line_that_is_continued_leads_with_a_blank():
    asking, calls = heard()
    GuidedCrossover(asking).vary(PARENTS, 1, 0)
    GuidedCrossover(asking, fitness=False).vary(PARENTS, 1, 0)
    DiverseMutation(asking).vary(PARENTS, 1, 0)
    roots = [sampling.grammar.partition("\n")[0] for _, sampling in calls]
    assert roots == ['root ::= " " split2'] * 3 + ["root ::= split2"] * (3 + 6)


def test_spare_answers_replace_what_is_of_no_use_and_all_that_is_lost_is_counted():
    made = GuidedCrossover(
        said("(age<1 0 1)", "(age<2 0 1", "nothing at all", "(a<1 0 1)", "(age<3 0 1)")
    ).vary(PARENTS, 3, 0)
    assert [tree.threshold for tree in made.genomes] == [1, 2, 3]
    assert made.rejected == {"malformed": 1, "unknown feature": 1}
    assert [note.get("repaired") for note in made.notes] == [None, True, None]
    assert [note["outside"] for note in made.notes] == [1, 1, 1]
    assert not any("logprob" in note or "copy" in note for note in made.notes)
    few = GuidedCrossover(said("nothing at all"), spare=0).vary(PARENTS, 3, 0)
    assert (few.genomes, few.rejected) == ([], {"malformed": 3})


@each("operator", [GuidedCrossover, DiverseMutation])
def test_copies_are_kept_and_marked_as_they_were_shown(operator):
    fitted = individual(Split(0, 30.123456, Leaf(0), Leaf(0)), 0.5, info={"leaves": [1, 0]})
    made = operator(said("(age<30.12 1 0)")).vary([fitted], 1, 0)
    assert made.genomes == [Split(0, 30.12, Leaf(1), Leaf(0))]
    assert made.notes[0]["copy"] is True
    made = operator(said("(age<30.13 1 0)")).vary([fitted], 1, 0)
    assert "copy" not in made.notes[0]


def test_mutation_shows_parents_in_any_order_and_no_fitness():
    parents = [individual(Leaf(0), 0.1, 0), individual(OLD, 0.2, 1), individual(RICH, 0.3, 2)]
    made = Counter(prompt_of(DiverseMutation, parents, seed) for seed in range(120))
    lists = ["\n".join(order) + "\n" for order in permutations(["0", *SHOWN])]
    assert set(made) == {HEAD + shown for shown in lists}
    assert min(made.values()) > 5


def test_mutation_notes_the_sum_over_the_tokens_and_the_mean():
    made = DiverseMutation(said(likely(1, -1.0, -2.0, -6.0))).vary(PARENTS, 2, 0)
    assert [note["logprob"] for note in made.notes] == [[-9.0, -3.0]] * 2


UNEVEN = [likely(i, -5.0 * i, -5.0 * i) for i in (1, 2, 3, 4)]
SPARE = [likely(50, -9e9)] * 2


def drawn(tau, draws, answers=(*UNEVEN, *SPARE), **settings):
    operator = DiverseMutation(said(*answers), tau=tau, **settings)
    made = [operator.vary(PARENTS, 1, seed).genomes[0].threshold for seed in range(draws)]
    counts = Counter(made)
    assert counts[50] == 0  # spare answers count only where others are of no use
    return np.array([counts[i] for i in (1, 2, 3, 4)]) / draws


@each("tau", [10.0, 30.0, 1e9, inf])
def test_answers_are_kept_in_proportion_to_their_unlikelihood(tau):
    weights = np.exp(10.0 * np.arange(1, 5) / tau)
    share = weights / weights.sum()
    assert np.abs(drawn(tau, 500) - share) == pytest.approx(0, abs=4 * np.sqrt(0.25 / 500))


@each("tau", [0.1, 1e-300])
def test_a_small_tau_keeps_the_least_likely(tau):
    assert drawn(tau, 30).tolist() == [0, 0, 0, 1]


def test_answers_are_drawn_without_replacement():
    operator = DiverseMutation(said(*UNEVEN), tau=0.1)
    for n in (1, 2, 3, 4):
        made = operator.vary(PARENTS, n, 3).genomes
        assert {tree.threshold for tree in made} == set(range(5 - n, 5))
    assert len(operator.vary(PARENTS, 9, 3).genomes) == 9  # as many are asked for, and two more


def test_likelihood_a_token_does_not_favour_length():
    long, short = likely(1, *[-2.0] * 10), likely(2, -10.0)
    answers = (long, short, long, short)
    assert drawn(0.1, 20, answers)[0] == 1.0
    assert drawn(0.1, 20, answers, per_token=True)[1] == 1.0


@each("logprob", [-inf, float("nan")])
def test_what_a_server_should_not_say_about_likelihood_is_survived(logprob):
    for tau in (0.1, 10.0, inf):
        operator = DiverseMutation(said(likely(1, logprob), likely(2, -1.0)), tau=tau)
        assert len(operator.vary(PARENTS, 2, 0).genomes) == 2


def test_a_server_that_says_nothing_about_likelihood_gives_an_even_choice():
    answers = [f"(age<{i} 0 1)" for i in (1, 2, 3, 4)]
    assert drawn(0.1, 200, answers).min() > 0.1
    asking, calls = heard()
    DiverseMutation(asking).vary(PARENTS, 2, 0)
    assert [sampling.top_logprobs for _, sampling in calls] == [1] * 6


def test_mutation_counts_what_is_lost_and_gives_none_where_all_is():
    made = DiverseMutation(said("no", "(age<nan 0 1)", likely(3, -1.0))).vary(PARENTS, 2, 0)
    assert made.rejected == {"unknown value": 2, "not finite": 2}
    assert [tree.threshold for tree in made.genomes] == [3, 3]
    assert DiverseMutation(said("no")).vary(PARENTS, 2, 0).genomes == []


@given(trees(most=2), st.text(max_size=60), st.integers(0, 2**53 - 1))
def test_no_answer_raises_and_children_keep_to_the_depth(tree, text, seed):
    asking = TreePrompt(Scripted(lambda *_: text), COLUMNS, max_depth=2, hold="none")
    for operator in (GuidedCrossover(asking), DiverseMutation(asking)):
        made = operator.vary([individual(tree, 0.5)], 2, seed)
        assert all(depth(child) <= 2 for child in made.genomes)
        assert made.genomes or sum(made.rejected.values()) >= 4


def test_settings_without_sense_are_refused():
    for settings in ({"tau": 0.0}, {"tau": float("nan")}, {"tau": -1.0}, {"candidates": 0}):
        with pytest.raises(EvollmError, match="tau must be positive and candidates at least 1"):
            DiverseMutation(heard()[0], **settings)
