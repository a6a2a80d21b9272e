"""The adapter of the package: that its recipe made it, who gets it, and what it changes."""

import json
from dataclasses import replace

import pytest
import torch

from evollm import EvollmError
from evollm.llm.dry import DryRunModel
from evollm.llm.offline.model import offline
from evollm.llm.scripted import Scripted
from evollm.paths import TRAINING
from evollm.tuning.settings import TrainSettings
from evollm.tuning.train import train
from problems.blackbox import EvoLLM
from problems.blackbox.framed import Framed
from problems.blackbox.prior.teacher import PriorTeacher
from problems.blackbox.taught.adapters import FILE, RECORD, adapter_of, taught
from problems.lm import LMSettings, load
from tests.problems.lm.support_shipped import check_shipped

KEPT = json.loads(RECORD.read_text())


def test_the_file_is_the_one_of_the_record_and_small() -> None:
    check_shipped(FILE, RECORD)


@pytest.mark.model
def test_the_recipe_s_first_steps_have_the_recorded_losses(tmp_path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        lm = load(None, LMSettings(dtype="float32", device="cpu"))
        recipe = {**KEPT["settings"], "minutes": 0, "steps": 2, "validate": 1, "workers": 1}
        found = train(lm.model, lm.tokenizer, PriorTeacher(), TrainSettings(**recipe), tmp_path)
    finally:
        torch.set_num_threads(threads)
    assert found.opening == pytest.approx(KEPT["opening"][:2], abs=1e-3)


def test_who_gets_an_adapter(tmp_path) -> None:
    plain, framed = offline(), Framed()
    strategy, model = taught(framed, plain, "default", 5)
    assert (model.service.adapters, model.name) == ((FILE,), "offline+default")
    assert model.settings.options["top_p"] == 1.0
    assert strategy == replace(framed, constrain=False, quadratic=True, block=5)
    assert taught(framed, plain, "default", 11)[0].block is None
    assert taught(replace(framed, block=2), plain, "default", 5)[0].block == 2
    assert taught(replace(framed, constrain=True), plain, "default", 5)[0].constrain is True
    assert taught(replace(framed, quadratic=False), plain, "default", 5)[0].quadratic is False
    assert taught(framed, plain, "auto", 5)[1].service == model.service
    assert taught(framed, plain, "auto", 11) == (framed, plain)
    assert taught(framed, plain, "none", 5) == (framed, plain)
    other = Scripted(lambda *_: "")
    assert taught(framed, other, "auto", 5) == (framed, other)
    with pytest.raises(EvollmError, match=r"is for the offline model, not for scripted: name one"):
        taught(framed, other, "default", 5)
    for model, settings in ((plain, strategy), (other, framed)):
        dry = DryRunModel(model.name, None, replaces=model)
        assert taught(framed, dry, "auto", 5) == (settings, dry)
    with pytest.raises(EvollmError, match=r"can't have the adapter default.gguf: use the offline"):
        EvoLLM(sum, [(0, 1)] * 5, model=other, adapter=FILE)
    (tmp_path / "adapter.gguf").write_bytes(b"GGUF")
    assert adapter_of(tmp_path) == tmp_path / "adapter.gguf"
    (tmp_path / "adapter.gguf").write_text("junk")
    with pytest.raises(EvollmError, match=r"adapter.gguf is no GGUF file: give an adapter that"):
        adapter_of(tmp_path)
    (tmp_path / TRAINING).touch()
    with pytest.raises(EvollmError, match=r"the training in .* was interrupted: give its evollm"):
        adapter_of(tmp_path)
    with pytest.raises(EvollmError, match=r"there is no adapter .*none.gguf: give a GGUF file"):
        EvoLLM(sum, [(0, 1)], adapter=tmp_path / "none.gguf")
