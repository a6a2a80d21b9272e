"""The user's own files: how they are read, and what is refused in one sentence."""

import json
from pathlib import Path

import pytest

from evollm.errors import EvollmError
from problems.prompts.data.files import Columns, own_task, read_examples, read_splits
from problems.prompts.data.labels import Labels, label_words
from tests.problems.prompts.data.support_data import write

FILMS = own_task("films", "Review: {sentence_1}\nSentiment:", ("terrible", "great"))
ROWS = [('so "bad", really', 0), ("good\tone", 1), ("été", 1)]
READ = [(text, label, (line,)) for line, (text, label) in enumerate(ROWS, 2)]


def found(path: Path, **more: object) -> list[tuple[str, int | None, tuple[int, ...]]]:
    examples = read_examples(path, FILMS, **more)  # type: ignore[arg-type]
    assert {example.source for example in examples} == {str(path)}
    return [(one.fields["sentence_1"], one.label, one.lines) for one in examples]


def test_the_three_formats_say_the_same(tmp_path: Path) -> None:
    lines = [json.dumps({"label": label, "text": text, "id": 3}) for text, label in ROWS]
    csv = 'label,text\n0,"so ""bad"", really"\n1,"good\tone"\n1,été\n'
    tsv = 'label\ttext\r\n0\t"so ""bad"", really"\r\n1\t"good\tone"\r\n1\tété\r\n'
    paths = [
        write(tmp_path, "a.jsonl", "\n" + "\n".join(lines)),
        write(tmp_path, "a.csv", "\ufeff" + csv),
        write(tmp_path, "a.tsv", tsv),
    ]
    assert [found(path) for path in paths] == [READ] * 3


def test_labels_are_words_or_numbers_or_the_users_marks(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,Great\nb,terrible\nc,1\n")
    assert [label for _, label, _ in found(path)] == [1, 0, 1]
    path = write(tmp_path, "a.csv", "text,label\na,POS\nb,neg\n")
    marks = label_words("neg=terrible, pos=great")
    assert [label for _, label, _ in found(path, labels=marks)] == [1, 0]
    path = write(tmp_path, "a.jsonl", '{"text":"a","label":true}\n{"text":"b","label":0.0}')
    assert [label for _, label, _ in found(path)] == [1, 0]


def test_columns_are_named_or_found_and_a_header_may_be_missing(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,stars,body\n1,0,a\n2,1,b\n")
    columns = Columns({"sentence_1": "body"}, "stars")
    assert found(path, columns=columns) == [("a", 0, (2,)), ("b", 1, (3,))]
    path = write(tmp_path, "a.csv", "a,great\nb,terrible\n")
    assert found(path) == [("a", 1, (1,)), ("b", 0, (2,))]
    path = write(tmp_path, "a.csv", "text;label\na, b;great\nb;terrible\n")
    assert found(path, columns=Columns(separator=";"))[0] == ("a, b", 1, (2,))
    snli = own_task("nli", "{premise} so {hypothesis}?", ("Yes", "No"))
    path = write(tmp_path, "a.tsv", "label\thypothesis\tpremise\nYes\tx\ty\nNo\tx\tz\n")
    assert read_examples(path, snli)[0].fields == {"premise": "y", "hypothesis": "x"}


def test_tabs_with_quotes_that_are_not_paired_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", 'text\tlabel\n"bad" it\'s\t0\n"so\t1\n')
    assert found(path) == [('"bad" it\'s', 0, (2,)), ('"so', 1, (3,))]


def test_answers_of_reasoning_and_style_are_texts(tmp_path: Path) -> None:
    sums = own_task("sums", "Q: {sentence_1}\nA:", kind="reasoning")
    path = write(tmp_path, "a.jsonl", '{"question":"1+1","answer":2,"steps":"1+1=2. So 2."}')
    [example] = read_examples(path, sums, Columns(worked="steps"))
    assert (example.answer, example.worked) == ("2", "1+1=2. So 2.")
    assert sums.demonstration(example) == "Q: 1+1\nA: 1+1=2. So 2."
    polite = own_task("polite", 'Rude: "{sentence_1}" Polite: "', kind="style")
    [example] = read_examples(write(tmp_path, "a.csv", "text\ngo\n"), polite)
    assert (example.fields, example.answer) == ({"sentence_1": "go"}, "")


WRONG = [
    ("a.csv", "", "the examples in FILE for the task films are empty"),
    ("a.csv", "text,label\n", "the examples in FILE for the task films are empty"),
    ("a.jsonl", "\n", "the examples in FILE for the task films are empty"),
    ("a.csv", "text,label\na,0\nb,0\n", "all examples in FILE for the task films have the label"),
    ("a.csv", "text,label\na,0\nb,grat\n", "line 3 of FILE has the unknown label 'grat'; did you"),
    ("a.csv", "text,label\na,0\nb,2\n", "the unknown label '2': choose from terrible, great, or 0"),
    ("a.csv", "review,stars\na,0\nb,1\n", "the text and which the label (--text and --label)"),
    ("a.csv", "txt,label,id\na,0,1\n", "FILE has no column 'sentence_1' for the slot {sentence_1}"),
    ("a.csv", "text,lable,id\na,0,1\n", "FILE has no column 'label' for the answers; did you mean"),
    ("a.csv", "text,label\na,0,1\n", "line 2 of FILE has 3 cells and the first row 2: put cells"),
    ("a.csv", 'text,label\n"a,0\n', "of FILE is not a table of separated values: unexpected end"),
    ("a.csv", "text,label\n ,0\n", "line 2 of FILE has ' ' for the text 'text': write a text"),
    ("a.jsonl", '{"text":"a","label":0}\n{"text"}', "line 2 of FILE is not JSON: Expecting ':'"),
    ("a.jsonl", "[" * 100_000, "line 1 of FILE is not JSON: nested too deeply"),
    ("a.jsonl", "[1]", "line 1 of FILE is not a JSON object: write {"),
    ("a.jsonl", '{"text":3,"label":0}', "line 1 of FILE has 3 for the text 'text': write a text"),
    ("a.jsonl", '{"text":"a","label":0}\n{"text":"b"}', "line 2 of FILE has no 'label'"),
    ("a.xlsx", "text,label\n", "FILE is neither .jsonl, .csv nor .tsv: save it as one"),
    ("a.csv", "text,label\na\0,0\n", "FILE holds bytes that are not text"),
]


def test_unusable_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    wrong = []
    for name, text, why in WRONG:
        path = write(tmp_path, name, text)
        with pytest.raises(EvollmError) as caught:
            read_examples(path, FILMS)
        said = str(caught.value).replace(str(path), "FILE")
        if why not in said or said.endswith("."):
            wrong.append((why, said))
    assert not wrong


def test_a_wrong_encoding_and_a_missing_file_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,0\né,1\n", "latin-1")
    with pytest.raises(EvollmError, match=r"line 3 of .*a.csv is not UTF-8: save the file as UTF"):
        read_examples(path, FILMS)
    with pytest.raises(EvollmError, match=r"none.csv cannot be read: No such file"):
        read_examples(tmp_path / "none.csv", FILMS)
    with pytest.raises(EvollmError, match=r"has no column 'boddy' for .*; did you mean 'body'\?"):
        read_examples(
            write(tmp_path, "a.csv", "body,label\na,0\n"), FILMS, Columns({"sentence_1": "boddy"})
        )
    sums = own_task("sums", "{sentence_1}", kind="reasoning")
    with pytest.raises(EvollmError, match="has the answer 'two': write a number there"):
        read_examples(write(tmp_path, "a.csv", "text,answer\na,two\n"), sums)


def test_splits_of_a_small_file_leave_a_test(tmp_path: Path) -> None:
    rows = [f"film {n},{n % 2}\n" for n in range(80)]
    path = write(tmp_path, "a.csv", "text,label\n" + "".join(rows))
    sizes = {name: len(examples) for name, examples in read_splits(path, FILMS)}
    assert sizes == {"demonstrations": 10, "search": 20, "select": 20, "test": 30}
    test = write(tmp_path, "b.csv", "text,label\n" + "".join(rows[:12]))
    splits = read_splits(path, FILMS, test)
    assert len(splits.test) == 12
    assert splits.provenance["test"].sources == (str(test),)
    inverted = [f"film {n},{1 - n % 2}\n" for n in range(3)]
    test = write(tmp_path, "b.csv", "text,label\n" + "".join(inverted))
    with pytest.raises(EvollmError, match=r"3 of 3 shared texts have another label in .*b.csv"):
        read_splits(path, FILMS, test)


def test_label_words_are_a_list_or_pairs() -> None:
    assert label_words("terrible, great") == Labels(("terrible", "great"))
    assert label_words("0=bad,1=good") == Labels(("bad", "good"), ("0", "1"))
    for text in ("great", "a=b,c", "a,", "=a,b=c"):
        with pytest.raises(EvollmError, match="label words are written as"):
            label_words(text)
    with pytest.raises(EvollmError, match="names a label twice: give each label once"):
        label_words("x=a,x=b")
    for text in ("a,a", "x=a,y=a"):
        with pytest.raises(EvollmError, match="has one word for two labels"):
            label_words(text)
