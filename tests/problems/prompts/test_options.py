"""The options of the prompts command: they reach the search, and mistakes are refused early."""

import pytest

from evollm import EvollmError
from evollm.cli.options import build, options_of
from problems.prompts.command import COMMAND
from problems.prompts.data.options import prompt_of, task_of
from problems.prompts.methods.baselines import LeaveOneOut, RandomPruning, Unpruned
from problems.prompts.methods.evolution import Evolution
from problems.prompts.methods.front import Front
from problems.prompts.methods.greedy import Steepest, TAPruning
from problems.prompts.methods.llmlingua import LLMLingua
from problems.prompts.options import Options, method_of, settled
from tests.problems.prompts.data.support_data import write
from tests.problems.prompts.support_command import BLOCK, mine
from tests.support_each import each


@each(
    ("given", "method"),
    [
        ({}, Evolution()),
        ({"form": "steady", "lanes": 2, "most": 3}, Evolution("steady", lanes=2, most=3)),
        ({"method": "ta", "threshold": 0.9}, TAPruning(0.9)),
        ({"method": "strict", "order": "shuffled"}, TAPruning(strict=True, order="shuffled")),
        ({"method": "steepest"}, Steepest()),
        ({"method": "random"}, RandomPruning()),
        ({"method": "loo"}, LeaveOneOut()),
        ({"method": "front", "population": 9}, Front(9)),
        ({"method": "unpruned"}, Unpruned()),
        (
            {"method": "llmlingua", "llmlingua": "x", "lingua.rates": 5},
            LLMLingua("x", rates=5),
        ),
    ],
)
def test_options_reach_the_method(given, method):
    assert method_of(settled(build(Options, given))) == method


def test_every_option_has_help():
    listed = options_of(Options)
    assert all(leaf.help for leaves in listed.values() for leaf in leaves)
    assert {"strict", "title", "reranks"}.isdisjoint(listed)


def test_the_reference_code_is_followed_on_demand():
    found = settled(build(Options, {"like_reference": True, "halving": True}))
    assert (found.mode, found.equally) == ("text_cleaned", True)
    assert found.evolution == Evolution(survival="window", duplicates="living")
    found = settled(build(Options, {"like_reference": True, "method": "ta"}))
    assert method_of(found) == TAPruning(ratio=True)


@each(
    ("given", "message"),
    [
        ({"threshold": 0.9}, "^--threshold is not an option of --method quine: leave it out$"),
        (
            {"method": "strict", "threshold": 0.9},
            "^--threshold is not an option of --method strict",
        ),
        ({"method": "ta", "population": 9}, "^--population is not an option of --method ta"),
        ({"method": "front", "offspring": 9}, "^--offspring is not an option of --method front"),
        ({"llmlingua": "x"}, "^--llmlingua is not an option of --method quine"),
        ({"method": "llmlingua"}, "give --llmlingua FOLDER$"),
        ({"method": "ta", "halving": True}, "^--halving is for --method quine --form generational"),
        ({"form": "steady", "halving": True}, "^--halving is for"),
        ({"equally": True}, "^--equally is about the halves of --halving"),
        (
            {"like_reference": True, "mode": "ids"},
            "^--mode ids contradicts --like-reference, which",
        ),
        ({"like_reference": True, "survival": "age"}, "^--survival age contradicts"),
        ({"like_reference": True, "method": "front"}, "^the reference code has no --method front"),
        ({"shots": -1}, "^--shots must be 0 or more"),
        ({"sizes.search": -1}, "^--sizes.search must be 0 or more"),
        ({"tournament": 2.0}, "^--tournament must be above 0"),
    ],
)
def test_options_that_do_not_go_together_are_refused(given, message):
    with pytest.raises(EvollmError, match=message):
        settled(build(Options, given))


def own(home, **more):
    given = {"data": mine(home), "text": "review", "label": "mood", "words": "neg=bad,pos=good"}
    given = {**given, "block": BLOCK, **more}
    return build(Options, {name: value for name, value in given.items() if value is not None})


def test_the_users_examples_make_a_task(tmp_path):
    task = task_of(own(tmp_path, **{"sizes.test": 3}))
    assert (task.name, task.labels, task.block) == ("films", ("bad", "good"), "{sentence_1}\n=")
    assert [len(split) for _, split in task.splits] == [6, 14, 14, 6]
    held = {one.source for one in task.splits.test}
    other = mine(tmp_path, "others")
    both = task_of(own(tmp_path, test=other)).splits
    assert {one.source for one in both.test} == {other} != held


def test_a_named_task_lends_its_words_to_the_users_examples(tmp_path):
    found = task_of(own(tmp_path, task="sst-2", words="neg=terrible,pos=great", block=None))
    assert (found.block, found.labels) == (
        "Review: {sentence_1}\nSentiment:",
        ("terrible", "great"),
    )
    assert found.splits.test[0].fields["sentence_1"].startswith("films: film")


def test_a_whole_prompt_is_read_from_a_file(tmp_path):
    text = "film 1 is fine\n= good\n\n{sentence_1}\n="
    options = own(tmp_path, block=None, template=str(write(tmp_path, "p.txt", f"{text}\n")))
    task = task_of(options)
    assert prompt_of(options, task) == task.block == text
    masked = own(
        tmp_path, block=None, template=str(write(tmp_path, "m.txt", f"{text} {{mask_token}}."))
    )
    task = task_of(masked)
    assert (task.block, task.closing) == (text, ".")
    assert prompt_of(masked, task) == f"{text} {{mask_token}}."


@each(
    ("given", "message"),
    [
        ({"folder": "."}, "^--folder is for a publisher's data set, and --data for your own"),
        ({"task": "rt2", "kind": "choice"}, "^--kind is for a task of your own"),
        ({"words": None}, "^say which word stands for each label: --words"),
        ({"words": "good"}, "label words are written as terrible,great"),
        ({"words": "bad=bad,pos=good"}, "unknown label 'neg'"),
        ({"block": None}, "^say what to ask: --block"),
        ({"block": "Review:"}, r"lacks the slot \{sentence_1\}: write it in its place$"),
        ({"template": "p.txt", "shots": 2}, "^--shots and --demonstrations draw a prompt"),
        ({"text": "option_1=review"}, "^--text names a column for each of sentence_1"),
        ({"text": "reviw"}, "no column 'reviw'.*did you mean 'review'"),
        ({"shots": 9}, "has 3 examples to demonstrate .* and 9 were asked for"),
    ],
)
def test_mistakes_about_the_users_examples_are_refused(given, message, tmp_path):
    options = own(tmp_path, **given)
    with pytest.raises(EvollmError, match=message):
        prompt_of(options, task_of(options))


@each(
    ("given", "message"),
    [
        ({"task": "rt3"}, "^there is no task 'rt3'; did you mean 'rt2'"),
        ({"task": "sst-2"}, "^the examples of sst-2 are read from its files: give --folder DIR"),
        ({"folder": "x"}, "^say which data set is in --folder x: --task sst-2, subj"),
        ({"task": "sst", "folder": "x"}, "no data set 'sst'; did you mean 'sst-2'"),
        ({"text": "review"}, "^--text is for examples of your own: give --data FILE"),
        ({"task": "add1", "words": "a,b"}, "^the task add1 has no labels: leave --words out"),
    ],
)
def test_mistakes_about_a_named_task_are_refused(given, message):
    with pytest.raises(EvollmError, match=message):
        task_of(build(Options, given))


def test_the_command_is_registered():
    from evollm.cli.commands import command

    assert command("prompts") is COMMAND
