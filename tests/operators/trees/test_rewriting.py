"""Subtree rewriting: what is shown, where the cut is, and what stays."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.errors import EvollmError
from evollm.llm.scripted import Scripted
from evollm.testing import OperatorKit
from evollm.types import Candidate
from operators.trees.context import TreeContext
from operators.trees.genome import Leaf, Split, cut, depth, replaced, splits, walk
from operators.trees.line import write, write_around
from operators.trees.prompting import TreePrompt
from operators.trees.rewriting import SubtreeRewriting
from operators.trees.variation import RandomTrees, grown
from tests.operators.trees.support_growth import COLUMNS, trees
from tests.operators.trees.test_prompting import HEAD, OLD, RICH, SHOP, breed, heard, individual
from tests.support_each import checks, each


def case(given):
    asking = TreePrompt(Scripted(breed), COLUMNS, max_depth=3)
    genomes = RandomTrees(COLUMNS, 3).vary([], 3, 0).genomes
    return SubtreeRewriting(asking, leaves=given), genomes


@each("given", [True, False])
@each("check", checks(OperatorKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)


def nodes(tree):
    return [node for _, node in walk(tree)]


def room(grammar):
    """Return the depth that a grammar allows."""
    return int(grammar.partition("\n")[0].rpartition("depth")[2])


def wander(prompt, sample, sampling):
    """Answer any subtree that the grammar allows."""
    import numpy as np

    rng = np.random.default_rng(sampling.seed)
    return " " + write(grown(COLUMNS, room(sampling.grammar), rng), COLUMNS)


@given(st.lists(trees(most=3), min_size=1, max_size=4), st.integers(1, 4), st.integers(0, 2**53))
def test_children_differ_from_the_best_parent_in_one_subtree_only(genomes, most, seed):
    asking = TreePrompt(Scripted(wander), COLUMNS, max_depth=most)
    ranks = random.Random(seed).sample(range(len(genomes)), len(genomes))
    parents = [individual(genomes[i], rank, i) for i, rank in enumerate(ranks)]
    best = cut(genomes[ranks.index(max(ranks))], most)
    made = SubtreeRewriting(asking).vary(parents, 4, seed)
    assert (len(made.genomes), made.rejected) == (4, {})
    for child, note in zip(made.genomes, made.notes, strict=True):
        place = note["place"]
        assert replaced(best, place, nodes(child)[place]) == child
        assert place > 0 or len(splits(best)) == 0 or most == 1
        assert depth(child) <= most
        assert note.get("copy", False) == (write(child, COLUMNS) == write(best, COLUMNS))


@given(trees(most=3), st.integers(0, 2**53))
def test_the_prompt_ends_with_the_text_before_the_cut(tree, seed):
    prompts = []

    def listen(prompt, sample, sampling):
        prompts.append(prompt)
        return wander(prompt, sample, sampling)

    asking = TreePrompt(Scripted(listen), COLUMNS, TreeContext("Colours."), max_depth=3)
    made = SubtreeRewriting(asking).vary([individual(tree, 1.0)], 3, seed)
    before = [write_around(tree, note["place"], COLUMNS)[0] for note in made.notes]
    ends = [f"\n\n{write(tree, COLUMNS)}\n{text.rstrip(' ')}" for text in before]
    assert all(sum(prompt.endswith(end) for prompt in prompts) >= 1 for end in ends)
    assert all(any(prompt.endswith(end) for end in ends) for prompt in prompts)


def test_parents_are_shown_from_worse_to_better_and_the_best_is_cut():
    asking, calls = heard(max_depth=2)
    parents = [individual(RICH, 0.8, 0), Candidate(1, Leaf(1), (), "test", 0), individual(OLD, 0.6)]
    made = SubtreeRewriting(asking, leaves=False).vary(parents, 1, 0)
    prompt, sampling = calls[0]
    assert prompt == HEAD + "1\n(age<30.5 0 1)\n(income<2.25 (age<30.5 0 1) 1)\n(income<2.25"
    assert sampling.grammar.startswith('root ::= " " depth1\n')
    assert made.parents == [[1, 2, 0]]
    assert made.notes[0]["place"] == 1


def test_leaves_are_shown_and_kept_as_they_were_fitted():
    asking, calls = heard(max_depth=2)
    best = individual(RICH, 0.8, info={"leaves": [1, 0, 0]})
    made = SubtreeRewriting(asking, leaves=False).vary([best], 1, 0)
    assert "\n(income<2.25 (age<30.5 1 0) 0)\n" in calls[0][0]
    assert made.genomes[0].right == Leaf(0)


def test_a_place_that_is_drawn_twice_is_asked_about_with_two_seeds():
    asking, calls = heard(max_depth=2)
    SubtreeRewriting(asking, leaves=False).vary([individual(RICH, 0.8)], 5, 10)
    assert len({prompt for prompt, _ in calls}) == 1
    assert len({sampling.seed for _, sampling in calls}) == 5


def test_places_with_equal_room_are_asked_about_together():
    batches = []

    class Listening(Scripted):
        def complete(self, prompts, sampling, n):
            batches.append(len(prompts))
            return super().complete(prompts, sampling, n)

    asking = TreePrompt(Listening(wander), COLUMNS, max_depth=2)
    tree = Split(0, 1.0, OLD, Leaf(1))
    made = SubtreeRewriting(asking).vary([individual(tree, 1.0)], 8, 4)
    assert {note["place"] for note in made.notes} == {1, 4}
    assert (batches[0], sum(batches)) == (2, 8)


def test_a_lone_leaf_may_grow_and_a_stump_be_replaced():
    prompts = []
    model = Scripted(lambda prompt, *_: prompts.append(prompt) or "(age<30.5 0 1)")
    made = SubtreeRewriting(TreePrompt(model, SHOP)).vary([individual(Leaf(1), 0.5)], 1, 0)
    assert prompts[0].endswith("leaves are classes.\n\n1\n")
    assert (made.genomes, made.notes[0]["place"]) == ([OLD], 0)
    stump = SubtreeRewriting(heard(max_depth=3)[0], leaves=False)
    assert stump.vary([individual(OLD, 0.5)], 1, 0).notes[0]["place"] == 0


@each(
    ("text", "right"),
    [
        (" 0", Leaf(0)),
        (" 0 1)", Leaf(0)),
        ("0) (age<1 0 1))", Leaf(0)),
        (" 1)", Leaf(1)),
        (" (age<1 0 1) 1)", Split(0, 1.0, Leaf(0), Leaf(1))),
    ],
)
def test_of_a_text_that_goes_on_the_first_subtree_counts(text, right):
    asking = TreePrompt(Scripted(lambda *_: text), SHOP, max_depth=2, hold="none")
    tree = Split(1, 2.5, OLD, OLD)
    made = SubtreeRewriting(asking, leaves=False).vary([individual(tree, 1.0)], 8, 0)
    assert set(made.genomes) == {replaced(tree, 1, right), replaced(tree, 4, right)}


def test_what_is_lost_is_counted_and_repairs_and_copies_are_noted():
    answers = {1: "(age<30.5 0 1", 2: "hm", 3: "(wage<1 0 1)", 4: "(age<9 (age<8 0 1) 1)"}
    turn = iter(answers.values())
    asking = TreePrompt(Scripted(lambda *_: next(turn)), SHOP, max_depth=2, hold="none")
    made = SubtreeRewriting(asking, leaves=False).vary([individual(RICH, 1.0)], 4, 0)
    assert made.genomes == [RICH]
    assert list(made.notes) == [{"place": 1, "repaired": True, "copy": True}]
    assert made.rejected == {"unknown value": 1, "unknown feature": 1, "too deep": 1}


def test_a_copy_is_one_by_the_digits_that_are_shown():
    tree = Split(1, 2.25, Split(0, 30.123456, Leaf(0), Leaf(1)), Leaf(1))
    asking = TreePrompt(Scripted(lambda *_: " (age<30.12 0 1)"), SHOP, max_depth=2)
    [note] = SubtreeRewriting(asking, leaves=False).vary([individual(tree, 1.0)], 1, 0).notes
    assert note["copy"] is True


@given(trees(most=2), st.text(max_size=40), st.integers(0, 2**53))
def test_no_answer_raises(tree, text, seed):
    asking = TreePrompt(Scripted(lambda *_: text), COLUMNS, max_depth=2, hold="none")
    made = SubtreeRewriting(asking).vary([individual(tree, 0.5)], 3, seed)
    assert len(made.genomes) + sum(made.rejected.values()) == 3
    assert all(depth(child) <= 2 for child in made.genomes)


@each("settings", [{"mode": "chat"}, {"form": "json", "hold": "none"}])
def test_models_that_only_chat_are_refused(settings):
    with pytest.raises(EvollmError, match="only in plain mode and one-line form: choose"):
        SubtreeRewriting(heard(**settings)[0])
