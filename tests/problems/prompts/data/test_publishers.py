"""Publishers' data sets, from small files in their layouts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evollm.errors import EvollmError
from problems.prompts.data.publishers import PUBLISHERS, load_folder
from problems.prompts.data.splits import Sizes
from problems.prompts.data.task import Task
from tests.problems.prompts.data.support_data import write

SIZES = Sizes(demonstrations=2, search=2, select=2, test=3)
WORDS = ("zero", "one", "two", "three", "four")
"""Each text holds the word for its label."""


def lines(count: int, line: Callable[[int, str], str], classes: int, start: int = 0) -> str:
    numbers = range(start, start + count)
    return "".join(line(n % classes, f"t{n} {WORDS[n % classes]}") + "\n" for n in numbers)


def sst2(folder: Path) -> None:
    for name, start in (("train", 0), ("dev", 60)):
        text = lines(20, lambda label, text: f'{text} " \t{label}', 2, start)
        write(folder, f"{name}.tsv", f"sentence\tlabel\n{text}")


def subj(folder: Path) -> None:
    write(folder, "quote.tok.gt9.5000", lines(10, lambda _, t: f"{t} \xe9 ", 1), "latin-1")
    write(folder, "plot.tok.gt9.5000", lines(10, lambda _, t: f"{t} {WORDS[1]}", 1), "latin-1")


def agnews(folder: Path) -> None:
    for name, start in (("train", 0), ("test", 60)):
        text = lines(40, lambda label, t: f'"{label + 1}","{t}","a ""b""\\c"', 4, start)
        write(folder, f"{name}.csv", text)


def snli(folder: Path) -> None:
    names = ("entailment", "neutral", "contradiction")
    for name, start in (("train", 0), ("test", 60)):
        text = lines(
            30,
            lambda label, t: json.dumps(
                {"gold_label": names[label], "sentence1": f"P {t}", "sentence2": f"H {t}"}
            ),
            3,
            start,
        )
        odd = json.dumps({"gold_label": "-", "sentence1": "P odd", "sentence2": "H odd"})
        write(folder, f"snli_1.0_{name}.jsonl", f"{odd}\n{text}")


def yelp(folder: Path) -> None:
    for name, start in (("train", 0), ("test", 60)):
        text = lines(50, lambda label, t: f'"{label + 1}","{t}\\n\\nbye"', 5, start)
        write(folder, f"{name}.csv", text)


def piqa(folder: Path) -> None:
    for name, start in (("train", 0), ("valid", 60)):
        text = lines(
            20, lambda _, t: json.dumps({"goal": f"G {t}", "sol1": "S1", "sol2": "S2"}), 2, start
        )
        write(folder, f"{name}.jsonl", text)
        write(folder, f"{name}-labels.lst", lines(20, lambda label, _: str(label), 2, start))


def gsm8k(folder: Path) -> None:
    for name, start in (("train", 0), ("test", 60)):
        text = lines(
            10,
            lambda _, t: json.dumps({"question": t, "answer": "2*2 = <<2*2=4>>4\nSo.\n#### 1,004"}),
            1,
            start,
        )
        write(folder, f"{name}.jsonl", text)


LAYOUTS = {
    "sst-2": sst2,
    "subj": subj,
    "agnews": agnews,
    "snli": snli,
    "yelp-5": yelp,
    "piqa": piqa,
    "gsm8k": gsm8k,
}


@pytest.fixture
def loaded(tmp_path: Path) -> dict[str, Task]:
    assert set(LAYOUTS) == set(PUBLISHERS)
    for name, layout in LAYOUTS.items():
        layout(tmp_path / name)
    return {name: load_folder(name, tmp_path / name, SIZES) for name in LAYOUTS}


def test_sizes_labels_and_texts_are_right(loaded: dict[str, Task]) -> None:
    wrong = []
    for name, task in loaded.items():
        classes = max(1, len(task.labels))
        sizes = [len(examples) / classes for _, examples in task.splits]
        if sizes != [2, 2, 2, 3]:
            wrong.append((name, str(sizes)))
        for _, examples in task.splits:
            wrong += [
                (name, str(one))
                for one in examples
                if one.label is not None and not one.normalized.count(WORDS[one.label])
            ]
    assert not wrong


def test_texts_are_cleaned_of_the_layout(loaded: dict[str, Task]) -> None:
    ends = {"sst-2": '"', "agnews": 'a "b" c', "yelp-5": "bye"}
    for name, end in ends.items():
        assert all(one.fields["sentence_1"].endswith(f" {end}") for one in loaded[name].splits.test)
    subjective = [one for one in loaded["subj"].splits.test if one.label == 0]
    assert all(one.fields["sentence_1"].endswith("zero é") for one in subjective)


def test_premise_and_hypothesis_stand_behind_their_own_names(loaded: dict[str, Task]) -> None:
    task = loaded["snli"]
    first, second, _, answer = task.demonstration(task.splits.search[1]).split("\n")
    assert first.startswith("Premise: P t")
    assert second.startswith("Hypothesis: H t")
    assert answer == "The answer is Unknown"


def test_choices_and_worked_answers_are_written_as_said(loaded: dict[str, Task]) -> None:
    piqa = loaded["piqa"]
    question, options, answer = piqa.demonstration(piqa.splits.search[1]).split("\n")
    assert question.startswith("Question: G t")
    assert (options, answer) == ("Options: A) S1 B) S2", "Answer: B")
    gsm8k = loaded["gsm8k"]
    example = gsm8k.splits.search[0]
    assert example.answer == "1004"
    assert gsm8k.demonstration(example).endswith(
        "Answer: Let's think step by step.\n2*2 = 4\nSo.\nThe answer is 1004."
    )


def test_the_test_split_is_the_publishers(loaded: dict[str, Task]) -> None:
    sources = {name: task.splits.provenance["test"].sources for name, task in loaded.items()}
    assert sources == {
        "sst-2": ("dev.tsv",),
        "subj": ("plot.tok.gt9.5000", "quote.tok.gt9.5000"),
        "agnews": ("test.csv",),
        "snli": ("snli_1.0_test.jsonl",),
        "yelp-5": ("test.csv",),
        "piqa": ("valid.jsonl",),
        "gsm8k": ("test.jsonl",),
    }


def test_yelps_own_file_serves_all_splits(tmp_path: Path) -> None:
    text = lines(50, lambda label, t: json.dumps({"stars": label + 1.0, "text": t}), 5)
    write(tmp_path, "yelp_academic_dataset_review.json", text)
    splits = load_folder("yelp-5", tmp_path, SIZES).splits
    assert len(splits.test) == 15


def test_what_is_not_as_expected_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvollmError, match=r"there is no data set 'sst2'; did you mean 'sst-2'\?"):
        load_folder("sst2", tmp_path)
    with pytest.raises(EvollmError, match=r"has no train.tsv: give the folder that holds the file"):
        load_folder("sst-2", tmp_path)
    sst2(tmp_path)
    write(tmp_path, "train.tsv", "sentence\tlabel\na\t0\nb\t-1\n")
    with pytest.raises(EvollmError, match=r"line 3 of .*train.tsv has the label '-1': it must be"):
        load_folder("sst-2", tmp_path)
    write(tmp_path, "train.tsv", "text\tlabel\na\t0\n")
    with pytest.raises(EvollmError, match=r"line 2 of .*train.tsv has no 'sentence'"):
        load_folder("sst-2", tmp_path)
    piqa(tmp_path)
    write(tmp_path, "train-labels.lst", "0\n1\n")
    with pytest.raises(EvollmError, match=r"train-labels.lst has 2 labels for the 20 questions"):
        load_folder("piqa", tmp_path)
    gsm8k(tmp_path)
    write(tmp_path, "train.jsonl", json.dumps({"question": "a", "answer": "4"}))
    with pytest.raises(EvollmError, match=r"line 1 of .*train.jsonl has no '#### number'"):
        load_folder("gsm8k", tmp_path)
