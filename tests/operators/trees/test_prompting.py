"""Asking for trees: what a prompt holds, what is sent with it, and how answers are read."""

import json
import random
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.errors import EvollmError
from evollm.llm.base import Completion, ModelError, Token
from evollm.llm.scripted import Scripted
from evollm.types import Candidate, Individual, Outcome
from operators.trees.columns import Column, Columns
from operators.trees.context import TreeContext
from operators.trees.genome import Leaf, Split, depth
from operators.trees.json import schema
from operators.trees.prompting import Page, TreePrompt
from tests.operators.trees.support_growth import COLUMNS, REGRESSION, trees
from tests.support_each import each

SHOP = Columns((Column("age", (), (), 18, 80), Column("income", (), (), 0.0, 9.5)), (0, 1))
CONTEXT = "Tell who buys.\nage: years, 18 to 80\nincome: 0 to 9.5\nclasses: 0 = no, 1 = yes"
HEAD = f"""{CONTEXT}
Decision trees of at most 2 questions in a row: (name<number A B) is A where name <= number, else \
B; leaves are classes.

"""
OLD = Split(0, 30.5, Leaf(0), Leaf(1))
RICH = Split(1, 2.25, OLD, Leaf(1))
SILENT = Scripted(lambda *_: "")


def individual(genome, fitness, number=0, info=None):
    return Individual(Candidate(number, genome, (), "test", 0), Outcome(fitness, info=info))


def breed(prompt, sample, sampling):
    """Write one shown tree with another threshold, or a subtree where a line is cut off."""
    chance = random.Random(sampling.seed)
    text = prompt if isinstance(prompt, str) else prompt[0]["content"]
    lines = text.split("\n")
    threshold = f"{chance.randint(-8, 8) / 2:g}"
    if lines[-1] and not lines[-1].endswith(":") and isinstance(prompt, str):
        known = re.findall(r"\(([\w.+-]+)<[-\d]", text)
        said = chance.choice([" 1", *(f" ({name}<{threshold} 0 1)" for name in known)])
    else:
        whole = [found[0] for line in lines if (found := re.search(r"[({].*[)}]$", line))]
        tree = chance.choice([tree for tree in whole if "name" not in tree] or ["(glucose<0 0 1)"])
        said = re.sub(r'(<|"threshold":)-?[\d.]+', rf"\g<1>{threshold}", tree, count=1)
        said = said.replace('"missing":"left",', "")  # which the schema has no place for
    if not sampling.top_logprobs:
        return said
    tokens = tuple(Token(piece, -chance.random()) for piece in said)
    return Completion(said, completion_tokens=len(tokens), tokens=tokens)


def heard(**settings):
    """Return an asking, and the list of the requests that it makes."""
    calls = []

    def listen(prompt, sample, sampling):
        calls.append((prompt, sampling))
        return breed(prompt, sample, sampling)

    settings = {"columns": SHOP, "context": TreeContext(CONTEXT), "max_depth": 2, **settings}
    return TreePrompt(Scripted(listen), **settings), calls


def test_a_plain_prompt_is_a_list_to_go_on_with():
    asking, _ = heard()
    shown = [asking.text(OLD), asking.text(RICH)]
    assert asking.prompt(Page(shown, "", "Do.")) == (
        HEAD + "(age<30.5 0 1)\n(income<2.25 (age<30.5 0 1) 1)\n"
    )
    assert asking.prompt(Page(shown[:1], "next:", "Do.")) == HEAD + "(age<30.5 0 1)\nnext:"
    assert (
        heard(context=TreeContext())[0]
        .prompt(Page([], "", "Do."))
        .startswith("Decision trees of at most 2")
    )


def test_a_chat_prompt_says_what_is_wished():
    asking, _ = heard(mode="chat")
    [message] = asking.prompt(Page(["(age<30.5 0 1)"], "score 0.9:", "Write one."))
    assert message == {
        "role": "user",
        "content": HEAD + "(age<30.5 0 1)\n\nWrite one. "
        'Continue the list after "score 0.9:". '
        "Answer with one tree in the same form, and nothing else.",
    }
    [message] = asking.prompt(Page([], "", "Write one."))
    assert message["content"].endswith("\nWrite one. Answer with one tree in the same form, and "
                                       "nothing else.")  # fmt: skip


def test_a_prompt_in_json_shows_json_in_four_digits():
    asking, _ = heard(form="json", hold="schema")
    tree = Split(1, 2.123456, Leaf(0), Leaf(1))
    text = asking.text(tree)
    assert text == ('{"feature":"income","threshold":2.123,"left":{"value":0},"right":{"value":1}}')
    prompt = asking.prompt(Page([text], "", ""))
    assert "as JSON: left where feature <= threshold, else right; leaves are classes." in prompt
    assert prompt.endswith(f"\n\n{text}\n")


def test_the_form_tells_of_sets_gaps_and_numbers_only_where_there_are_any():
    told = heard(columns=REGRESSION)[0].prompt(Page([], "", ""))
    assert "(name in{a,b} A B) is A where name is a or b" in told
    assert "with a ? before A missing values go to A" in told
    assert "leaves are numbers." in told
    listed = heard(columns=COLUMNS, form="json", hold="none")[0].prompt(Page([], "", ""))
    assert "feature <= threshold or in the list, else right" in listed
    assert " in{" not in HEAD
    assert "?" not in HEAD


def test_a_parent_is_shown_with_the_leaves_that_were_fitted():
    asking, _ = heard()
    assert asking.written(individual(OLD, 0.5, info={"leaves": [1, 0]})) == "(age<30.5 1 0)"
    for info in (None, {}, "text", {"signature": "a"}):
        assert asking.written(individual(OLD, 0.5, info=info)) == "(age<30.5 0 1)"
    assert asking.written(Candidate(0, OLD, (), "test", 0)) == "(age<30.5 0 1)"


def test_what_is_sent_follows_the_settings():
    asking, calls = heard(temperature=0.7)
    asking.complete([Page(("p",))], 2, 2**40 + 3, lead=" ")
    (_, first), (_, second) = calls
    assert first.grammar.startswith('root ::= " " split2\n')
    assert (first.stop, first.mode, first.schema) == (("\n",), "plain", None)
    assert (first.temperature, first.top_logprobs) == (0.7, 0)
    assert (first.seed, second.seed) == (3, 4)
    assert first.max_tokens == 14 * 8
    asking.complete([Page(("p",))], 1, 0, logprobs=True, depth=1)
    assert calls[-1][1].grammar.startswith("root ::= depth1\n")
    assert calls[-1][1].top_logprobs == 1
    assert calls[-1][1].max_tokens == 14 * 4
    asking, calls = heard(form="json", hold="schema", mode="chat")
    asking.complete([Page([asking.text(OLD)])], 1, 0)
    assert calls[-1][1].schema == schema(SHOP, 2)
    assert (calls[-1][1].stop, calls[-1][1].grammar) == ((), None)
    assert calls[-1][1].max_tokens == 3 * 14 * 8
    asking, calls = heard(hold="none")
    asking.complete([Page(("p",))], 1, 0, lead=" ")
    assert calls[-1][1].grammar is None
    asking.complete([Page(("p",))], 1, 0, depth=64)
    assert calls[-1][1].max_tokens == 14 * 2048  # as for a depth of 10


LINES = [
    ("", "malformed"),
    ("I am sorry, Dave.", "malformed"),
    ("(age<30 0", "malformed"),
    ("(age<30 0 1 1)", "malformed"),
    ("(age<30 0)", "unknown value"),
    ("(age>30 0 1)", "unknown feature"),
    ("(age<old 0 1)", "malformed"),
    ("(wage<30 0 1)", "unknown feature"),
    ("(age<30 0 2)", "unknown value"),
    ("(age<nan 0 1)", "not finite"),
    ("(age<1e999 0 1)", "not finite"),
    ("(age<9 (age<8 (age<7 0 1) 1) 1)", "too deep"),
]
LEAVES = '"left":{"value":0},"right":{"value":1}'
DEEP = f'{{"feature":"age","threshold":9,{LEAVES}}}'
for _ in range(2):
    DEEP = f'{{"feature":"age","threshold":9,"left":{DEEP},"right":{{"value":1}}}}'
OBJECTS = [
    ("", "malformed"),
    ("Here it is: {", "malformed"),
    ("[1, 2]", "malformed"),
    ('{"feature":"age","threshold":30,"left":{"value":0}}', "malformed"),
    (f'{{"feature":"age","threshold":"30",{LEAVES}}}', "malformed"),
    (f'{{"feature":"wage","threshold":30,{LEAVES}}}', "unknown feature"),
    ('{"value":"yes"}', "unknown value"),
    (f'{{"feature":"age","threshold":1e999,{LEAVES}}}', "not finite"),
    (f'{{"feature":"age","threshold":NaN,{LEAVES}}}', "malformed"),
    (DEEP, "too deep"),
]


@each(
    ("form", "text", "reason"),
    [("line", *case) for case in LINES] + [("json", *case) for case in OBJECTS],
)
def test_what_is_no_tree_is_counted_by_its_reason(form, text, reason):
    asking = TreePrompt(SILENT, SHOP, max_depth=2, form=form, hold="none")
    rejected = Counter({reason: 1})
    assert asking.read(Completion(text), rejected) is None
    assert rejected == {reason: 2}


def test_what_the_client_calls_unusable_is_not_read():
    rejected = Counter()
    asking = TreePrompt(SILENT, SHOP, max_depth=2)
    assert asking.read(Completion("(age<30 0 1)", error="truncated"), rejected) is None
    assert rejected == {"unusable completion": 1}


@each(
    ("form", "text"),
    [
        ("line", "(age<30.5 0 1)"),
        ("line", "  ( age <= 30.50  0   1 )  "),
        ("line", "Sure! (age<30.5 0 1) is better, I think (really)."),
        ("json", DEEP.replace("9,", "30.5,", 1)),
        ("json", f'Well:\n```json\n{{"feature":"age","threshold":30.5,{LEAVES}}}\n```\nGood luck'),
    ],
)
def test_trees_are_found_with_prose_around_them(form, text):
    asking = TreePrompt(SILENT, SHOP, max_depth=3, form=form, hold="none")
    found = asking.read(Completion(text), Counter())
    assert found is not None
    assert (found.tree.feature, found.tree.threshold, found.repaired) == (0, 30.5, False)


@each("form", ["line", "json"])
def test_a_bracket_that_is_missing_at_the_end_is_added_and_noted(form):
    asking = TreePrompt(SILENT, SHOP, max_depth=2, form=form, hold="none")
    found = asking.read(Completion(asking.text(RICH)[:-1]), Counter())
    assert found is not None
    assert (found.tree, found.repaired) == (RICH, True)


def test_a_limit_of_depth_may_be_told_for_a_subtree():
    asking = TreePrompt(SILENT, SHOP, max_depth=3)
    rejected = Counter()
    assert asking.read(Completion("(age<30.5 0 1)"), rejected, depth=1).tree == OLD
    assert asking.read(Completion("(age<30.5 0 1)"), rejected, depth=0) is None
    assert asking.read(Completion(" 1"), rejected, depth=0).tree == Leaf(1)
    assert rejected == {"too deep": 1}


PIECES = st.lists(st.sampled_from([*"(){}[]<=?,:. 01", '"', "age", "in", "feature", "1e9"]))
WHOLE = st.builds(lambda n, word: word * n, st.integers(1, 5000), st.sampled_from("([{"))


@given(st.text() | PIECES.map("".join) | WHOLE, st.sampled_from(["line", "json"]))
def test_no_answer_raises(text, form):
    asking = TreePrompt(SILENT, COLUMNS, max_depth=2, form=form, hold="none")
    rejected = Counter()
    found = asking.read(Completion(text), rejected)
    assert (found is None) == (sum(rejected.values()) == 1)
    assert found is None or depth(found.tree) <= 2


@given(trees(most=3), st.sampled_from(["line", "json"]))
def test_what_is_shown_can_be_read_back(tree, form):
    asking = TreePrompt(SILENT, COLUMNS, max_depth=3, form=form, hold="none")
    assert asking.read(Completion(asking.text(tree)), Counter()).tree == tree


@each(
    ("settings", "message"),
    [
        ({"max_depth": 0}, "max_depth must be 1 or more, not 0"),
        ({"hold": "schema"}, "hold must be grammar or none for trees in line form, not schema"),
        ({"form": "json"}, "hold must be schema or none for trees in json form, not grammar"),
        ({"form": "xml"}, "line or json, not 'xml'"),
    ],
)
def test_settings_that_do_not_agree_are_refused(settings, message):
    with pytest.raises(EvollmError, match=message):
        heard(**settings)


def test_a_model_that_cannot_be_asked_says_so():
    def fail(*_):
        raise ModelError("There is no such model.")

    with pytest.raises(ModelError, match="no such model"):
        TreePrompt(Scripted(fail), SHOP).complete([Page(("p",))], 1, 0)


def test_the_script_of_these_tests_answers_json_with_json():
    asking, calls = heard(columns=COLUMNS, form="json", hold="schema", max_depth=3)
    tree = Split(0, 1.5, Leaf(0), Split(2, 0.0, Leaf(1), Leaf(2), (0, 1)))
    [[reply]] = asking.complete([Page([asking.text(tree)])], 1, 5)
    assert reply.error is None
    assert json.loads(reply.text)["right"]["in"] == ["red", "dark blue"]
    assert len(calls) == 1
