"""How a model is asked that was taught to write trees, and who is refused."""

from dataclasses import replace

import pytest

from evollm import EvollmError
from evollm.llm.dry import DryRunModel
from evollm.llm.offline.model import offline
from evollm.llm.scripted import Scripted
from problems.trees.llego import LLEGOSettings
from problems.trees.taught.adapters import TAUGHT, taught

PLAIN = LLEGOSettings()


def test_a_taught_model_is_asked_as_it_was_taught(tmp_path) -> None:
    (tmp_path / "adapter.gguf").write_bytes(b"")
    settings, model = taught(PLAIN, offline(), tmp_path)
    assert settings == replace(PLAIN, **TAUGHT)
    assert model.service.adapters == (tmp_path / "adapter.gguf",)
    assert taught(PLAIN, model, "none") == (PLAIN, model)
    dry = DryRunModel("", None)
    assert taught(PLAIN, dry, tmp_path) == (settings, dry)


def test_what_can_t_be_taught_is_refused(tmp_path) -> None:
    with pytest.raises(EvollmError, match=r"there is no adapter .*wrote, or none"):
        taught(PLAIN, offline(), tmp_path / "no.gguf")
    file = tmp_path / "adapter.gguf"
    file.write_bytes(b"")
    with pytest.raises(EvollmError, match="needs the form line and the mode plain"):
        taught(replace(PLAIN, form="json"), offline(), file)
    with pytest.raises(EvollmError, match=r"can't have the adapter adapter.gguf"):
        taught(PLAIN, Scripted(lambda *_: ""), file)
