"""Tokenizers without their models."""

import re
import shutil
from pathlib import Path

import pytest

from evollm.errors import EvollmError
from problems.lm import LM, LMSettings, load_tokenizer
from problems.lm.scoring import label_ids
from problems.lm.tokens import decode, encode, ids_of
from tests.problems.lm.support_tiny import TEXT, tokenizer
from tests.support_each import each


@each("kept", [None, "tokenizer.json"])
@each("file", [False, True])
def test_it_cuts_texts_as_the_model_does(
    lm: LM, tmp_path: Path, kept: str | None, file: bool
) -> None:
    tokenizer(around=True).save_pretrained(tmp_path)
    for path in tmp_path.iterdir():
        if kept not in (None, path.name):
            path.unlink()
    name = tmp_path / "tokenizer.json" if file else tmp_path
    found = load_tokenizer(str(name))
    assert encode(found, TEXT) == encode(lm, TEXT)
    assert decode(found, ids_of(found, TEXT), clean=True) == decode(lm, ids_of(lm, TEXT), True)
    assert (found.before, found.after) == (lm.before, lm.after)
    assert (found.name, found.revision) == (str(name), None)
    rule = "first_token"
    words = ["harbour", "stones"]
    assert label_ids(found.tokenizer, words, "The", rule) == label_ids(lm, words, "The", rule)


def test_what_identifies_it_is_what_it_cuts(lm: LM, tmp_path: Path) -> None:
    tokenizer().save_pretrained(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    digests = [load_tokenizer(str(tmp_path / name)).fingerprint["sha256"] for name in "ab"]
    assert digests[0] == digests[1]
    other = tokenizer()
    other.add_tokens(["harbourmaster"])
    other.save_pretrained(tmp_path / "c")
    assert load_tokenizer(str(tmp_path / "c")).fingerprint["sha256"] != digests[0]


def test_what_is_no_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    cases = {
        "none.json": r"there is no tokenizer file .*none\.json: name one that exists",
        "broken.json": r"the tokenizer of .*broken\.json can't be read",
        "empty": r"the tokenizer of .*empty can't be read from",
        "missing": r"there is no folder .*missing",
    }
    for name, message in cases.items():
        with pytest.raises(EvollmError) as found:
            load_tokenizer(str(tmp_path / name))
        assert re.match(message, str(found.value)), name
        assert "\n" not in str(found.value)
    with pytest.raises(EvollmError, match="revision is for Hugging Face models"):
        load_tokenizer(str(tmp_path), LMSettings(revision="main"))


def test_no_weights_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked = []

    def snapshot(model: str, *, allow_patterns: list[str], **named: object) -> str:
        asked.append(allow_patterns)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    tokenizer().save_pretrained(tmp_path)
    found = load_tokenizer("hf:owner/model")
    assert (found.name, found.revision) == ("hf:owner/model", tmp_path.name)
    assert not [one for patterns in asked for one in patterns if "safetensors" in one]
