"""First trees: as many as the model writes, from a few examples or from none."""

from evollm.llm.base import Completion
from evollm.llm.scripted import Scripted
from evollm.testing import OperatorKit
from operators.trees.first import FirstTrees
from operators.trees.genome import Split
from operators.trees.prompting import TreePrompt
from operators.trees.variation import RandomTrees
from tests.operators.trees.support_growth import COLUMNS
from tests.operators.trees.test_prompting import HEAD, OLD, RICH, SHOP, breed, heard
from tests.support_each import checks, each

ANSWERS = [
    "(age<30.5 0 1)",
    "(age<31 0 1",
    "pardon me?",
    "(shoe<3 0 1)",
    Completion("(age<30 0 1)", error="cut at 112 tokens"),
    "(age<99 0 1)",
]


def case(given):
    asking = TreePrompt(Scripted(breed), COLUMNS, max_depth=3)
    examples = tuple(RandomTrees(COLUMNS, 3).vary([], given, 0).genomes)
    return FirstTrees(asking, examples), []


@each("given", [0, 3])
@each("check", checks(OperatorKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)


def test_the_prompt_shows_the_examples_and_nothing_of_parents():
    asking, calls = heard()
    made = FirstTrees(asking, (OLD, RICH)).vary([], 3, 7)
    assert [prompt for prompt, _ in calls] == [
        HEAD + "(age<30.5 0 1)\n(income<2.25 (age<30.5 0 1) 1)\n"
    ] * 3
    assert [sampling.seed for _, sampling in calls] == [7, 8, 9]
    assert calls[0][1].grammar.startswith("root ::= split2\n")
    assert list(made.parents) == [[], [], []]


def test_without_examples_the_form_alone_is_told():
    asking, calls = heard()
    FirstTrees(asking).vary([], 1, 0)
    assert calls[0][0] == HEAD
    asking, calls = heard(mode="chat")
    FirstTrees(asking, (OLD,)).vary([], 1, 0)
    assert calls[0][0][0]["content"] == (
        HEAD + "(age<30.5 0 1)\n\nWrite one more tree for this task. Answer with one tree in the "
        "same form, and nothing else."
    )


def test_each_answer_gives_a_tree_or_a_reason():
    model = Scripted(lambda prompt, sample, sampling: ANSWERS[sample])
    made = FirstTrees(TreePrompt(model, SHOP, max_depth=2)).vary([], 6, 0)
    assert made.genomes == [OLD, Split(0, 31, *sides(OLD)), Split(0, 99, *sides(OLD))]
    assert list(made.notes) == [{}, {"repaired": True}, {"outside": 1}]
    assert made.rejected == {"malformed": 1, "unknown feature": 1, "unusable completion": 1}


def sides(tree):
    return tree.left, tree.right


def test_none_are_asked_for_where_none_are_wanted():
    asking, calls = heard()
    assert FirstTrees(asking).vary([], 0, 0).genomes == []
    assert calls == []
