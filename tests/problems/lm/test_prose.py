"""Prose: sources, files, and parts that share nothing."""

import json
from importlib import metadata
from pathlib import Path

import pytest

from evollm.errors import EvollmError
from problems.lm import LM
from problems.lm.prose import Prose, prose
from problems.lm.tokens import windows

TEXT = "One document\nof two lines.\n\n \nAnother one.\n\none document, of TWO lines\n\nA third.\n"


def file(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


def test_paragraphs_of_a_file_are_documents(tmp_path: Path) -> None:
    name = file(tmp_path / "own.txt", TEXT)
    found = prose(name)
    both = [*found.calibration, *found.held_out]
    assert sorted(both) == ["A third.", "Another one.", "one document, of TWO lines"]
    assert (len(found.calibration), found.name) == (2, name)
    assert found == prose(name)
    assert len({prose(name, seed=seed).sha256 for seed in range(8)}) > 1


def test_lines_of_json_are_documents(tmp_path: Path) -> None:
    texts = ["First\n\nand more", "Second"]
    name = file(tmp_path / "own.jsonl", "\n\n".join(json.dumps({"text": t}) for t in texts))
    found = prose(name)
    assert sorted([*found.calibration, *found.held_out]) == texts


def test_a_file_to_hold_out(tmp_path: Path) -> None:
    one, two = file(tmp_path / "one.txt", TEXT), file(tmp_path / "two.txt", "Else\n\nAnd more")
    found = prose(one, two)
    assert len(found.calibration) == 3
    assert sorted(found.held_out) == ["And more", "Else"]


def test_a_document_in_both_parts_is_refused(tmp_path: Path) -> None:
    one, two = file(tmp_path / "one.txt", TEXT), file(tmp_path / "two.txt", "Else\n\nANOTHER, one")
    with pytest.raises(EvollmError, match="held out, too: 'ANOTHER, one'"):
        prose(one, two)
    with pytest.raises(EvollmError, match="too few documents"):
        Prose("mine", ("one",), ())
    with pytest.raises(EvollmError, match="too few documents"):
        prose(file(tmp_path / "short.txt", "One document"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(EvollmError, match="no prose or file revews; did you mean 'reviews'"):
        prose("revews")
    with pytest.raises(EvollmError, match=r"choose reviews, python, or a text or \.jsonl file"):
        prose(str(tmp_path / "none.txt"))
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(EvollmError, match="can't be read as UTF-8 text"):
        prose(str(tmp_path / "odd.txt"))
    for line in ("{", '{"texts": "a"}', '{"text": 1}', "[]"):
        name = file(tmp_path / "odd.jsonl", f'{{"text": "a"}}\n{line}\n')
        with pytest.raises(EvollmError, match=r"odd\.jsonl:2 has no text"):
            prose(name)


@pytest.mark.parametrize("name", ["reviews", "python"])
def test_what_is_installed(name: str) -> None:
    found = prose(name)
    texts = [*found.calibration, *found.held_out]
    assert abs(len(found.calibration) - len(found.held_out)) <= 1
    assert not any("<br" in text or "::=" in text for text in texts)
    words = sum(len(text.split()) for text in texts)
    assert words > {"reviews": 5_000_000, "python": 20_000}[name]
    if name == "python":
        paragraphs = [part for text in texts for part in text.split("\n\n")]
        assert len(paragraphs) == len(set(paragraphs))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(EvollmError, match=r"pip install 'evollm\[compression\]'"):
        prose()


def test_windows_of_joined_documents(lm: LM) -> None:
    documents = ["The harbour.", "The boats.", "Stones."]
    with pytest.raises(EvollmError, match="join the documents"):
        windows(lm, documents, count=1, length=14, seed=0)
    assert windows(lm, documents, count=1, length=14, seed=0, join=True).shape == (1, 14)
