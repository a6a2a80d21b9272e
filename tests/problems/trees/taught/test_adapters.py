"""The adapter of the package: that its recipe made it; how a taught model is asked; who can't."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from evollm import EvollmError
from evollm.llm.dry import DryRunModel
from evollm.llm.offline.model import offline
from evollm.llm.scripted import Scripted
from evollm.tuning.batches import batches, loss
from evollm.tuning.teaching import seed_of
from evollm.tuning.train import SMALL
from problems.lm import LMSettings, load
from problems.trees.llego import LLEGOSettings
from problems.trees.taught.adapters import FILE, RECORD, TAUGHT, taught
from problems.trees.teaching.teacher import TreeTeacher
from tests.problems.lm.support_shipped import check_shipped
from tests.support_each import each

PLAIN = LLEGOSettings()
KEPT = json.loads(RECORD.read_text())


def test_the_file_is_the_one_of_the_record_and_small() -> None:
    check_shipped(FILE, RECORD)


@pytest.mark.model
def test_the_recipe_s_first_examples_have_the_recorded_loss() -> None:
    lm = load(None, LMSettings(dtype="float32", device="cpu"))
    examples = TreeTeacher().examples(SMALL, seed_of(KEPT["settings"]["seed"], 0))
    [batch] = batches(examples, lm.tokenizer, "cpu", 10_000)
    with torch.inference_mode():
        found = float(loss(lm.model, batch))
    assert found == pytest.approx(KEPT["opening"][0], abs=1e-3)


def test_a_taught_model_is_asked_as_it_was_taught(tmp_path) -> None:
    (tmp_path / "adapter.gguf").write_bytes(b"GGUF")
    settings, model = taught(PLAIN, offline(), tmp_path)
    assert settings == replace(PLAIN, **TAUGHT)
    assert model.service.adapters == (tmp_path / "adapter.gguf",)
    assert taught(PLAIN, model, "none") == (PLAIN, model)
    dry = DryRunModel("", None)
    assert taught(PLAIN, dry, tmp_path) == (settings, dry)


def test_the_adapter_of_the_package_is_for_the_offline_model(tmp_path) -> None:
    settings, model = taught(PLAIN, offline(), "default")
    assert settings == replace(PLAIN, **TAUGHT)
    assert model.service.adapters == (FILE,)
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    with pytest.raises(EvollmError, match=r"is for the offline model, not for .*other"):
        taught(PLAIN, offline(tmp_path / "other.gguf"), "default")
    with pytest.raises(EvollmError, match=r"is for the offline model, not for scripted"):
        taught(PLAIN, Scripted(lambda *_: ""), "default")
    assert taught(PLAIN, model, None) == (PLAIN, model)
    assert taught(PLAIN, model, "default")[1].service.adapters == (FILE,)


@each(
    ("other", "message"),
    [
        ({"hints": 3}, "with an adapter for trees hints is 8, not 3: leave it out"),
        ({"spare": 4}, "with an adapter for trees spare is 0, not 4: leave it out"),
        ({"hints": 0}, "with an adapter for trees hints is 8, not 0: leave it out"),
        ({"semantics": True}, "with an adapter for trees semantics is False, not True: leave"),
        ({"rewriting": 1.0}, "was taught crossover and mutation: leave rewriting"),
        ({"start": "model"}, "was taught crossover and mutation: leave rewriting"),
    ],
    ids=str,
)
def test_what_was_not_taught_is_refused(other: dict[str, Any], message: str) -> None:
    with pytest.raises(EvollmError, match=message):
        taught(replace(PLAIN, **other), offline(), "default")


def test_free_answers_keep_some_to_spare() -> None:
    settings, _ = taught(replace(PLAIN, hold="none"), offline(), "default")
    assert (settings.spare, settings.hints) == (None, 8)


def test_what_can_t_be_taught_is_refused(tmp_path) -> None:
    with pytest.raises(EvollmError, match=r"there is no adapter .*wrote, 'default' or 'none'"):
        taught(PLAIN, offline(), tmp_path / "no.gguf")
    file = tmp_path / "adapter.gguf"
    file.write_bytes(b"GGUF")
    with pytest.raises(EvollmError, match="needs the form line and the mode plain"):
        taught(replace(PLAIN, form="json"), offline(), file)
    with pytest.raises(EvollmError, match=r"can't have the adapter adapter.gguf"):
        taught(PLAIN, Scripted(lambda *_: ""), file)
