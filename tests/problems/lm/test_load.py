"""Loading models: names, errors, and what is known of a model."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from evollm.cli.options import build
from evollm.errors import EvollmError
from problems.lm import LM, LMSettings, load
from tests.problems.lm.support_tiny import folder, model, tokenizer
from tests.support_each import each

ROOT = Path(__file__).parents[3]
BLOCKED = ("ray", "deap", "openai", "gguf", "sklearn", "tenacity", "accelerate", "xllamacpp")


def edit(path: str, **changes: object) -> str:
    file = Path(path) / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return path


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return (done.stdout + done.stderr).strip()


def test_a_folder_with_a_causal_model(tmp_path: Path) -> None:
    lm = load(folder(tmp_path, around=True))
    assert not lm.masked
    assert (lm.context, lm.vocabulary, lm.before, lm.after) == (128, 320, (1,), (2,))
    assert (lm.ends, lm.pad, lm.name) == ((2,), 0, str(tmp_path))
    assert (lm.device, lm.dtype) == (torch.device("cpu"), torch.float32)
    assert not lm.model.training
    ids = torch.arange(10)[None]
    assert torch.equal(lm.model(ids).logits, model("llama")(ids).logits)


@each(("family", "context"), [("bert", 128), ("roberta", 129)])
def test_masked_models(tmp_path: Path, family: str, context: int) -> None:
    lm = load(folder(tmp_path, family))
    assert lm.masked
    assert (lm.context, lm.before, lm.after) == (context, (), ())
    longest = torch.full((1, context), 5)
    assert lm.model(longest).logits.shape == (1, context, 320)


def test_a_token_for_padding_that_the_model_lacks(tmp_path: Path) -> None:
    path = folder(tmp_path)
    added = tokenizer()
    added.add_special_tokens({"pad_token": "<padding>"})
    added.save_pretrained(path)
    lm = load(path)
    assert lm.tokenizer.pad_token_id >= lm.vocabulary
    assert lm.pad == 0


def test_the_precision_is_chosen(tmp_path: Path) -> None:
    model("llama").to(torch.bfloat16).save_pretrained(tmp_path)
    folder(tmp_path / "full")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((tmp_path / "full" / name).read_bytes())
    assert load(str(tmp_path)).dtype == torch.float32
    assert load(str(tmp_path), LMSettings(dtype="float16")).dtype == torch.float16


def test_settings_are_options() -> None:
    given = {"dtype": "float16", "device": "cuda:1", "trust_remote_code": True}
    assert build(LMSettings, given) == LMSettings("float16", "cuda:1", None, True)
    with pytest.raises(EvollmError, match="'dtype' can't be 'int8'"):
        build(LMSettings, {"dtype": "int8"})


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    one = load(folder(tmp_path / "one")).fingerprint
    assert one == load(str(tmp_path / "one")).fingerprint
    two = load(folder(tmp_path / "two", rope_theta=5.0)).fingerprint
    assert one["sha256"] != two["sha256"]
    assert two["name"] == str(tmp_path / "two")


def test_names_that_mean_nothing(tmp_path: Path) -> None:
    for name, mend in {
        str(tmp_path / "none"): "there is no folder",
        str(tmp_path): "no readable config.json",
        str(tmp_path / "none.gguf"): "there is no GGUF file",
    }.items():
        with pytest.raises(EvollmError, match=mend):
            load(name)
    with pytest.raises(EvollmError, match="revision is for Hugging Face models"):
        load("offline", LMSettings(revision="main"))


def test_models_that_cannot_be_used(tmp_path: Path) -> None:
    path = folder(tmp_path)
    with pytest.raises(EvollmError, match="LlamaModel: name another"):
        load(edit(path, architectures=["LlamaModel"]))
    with pytest.raises(EvollmError, match="of no named architecture"):
        load(edit(path, architectures=None))
    with pytest.raises(EvollmError, match=r"does not know .* 'novel'"):
        load(edit(path, architectures=["NovelForCausalLM"], model_type="novel"))
    with pytest.raises(EvollmError, match="trust_remote_code"):
        load(edit(path, auto_map={"AutoConfig": "own.Config"}))


def test_incomplete_folders(tmp_path: Path) -> None:
    path = folder(tmp_path)
    with pytest.raises(EvollmError, match=r"lack lm_head\.weight"):
        load(edit(folder(tmp_path / "tied", "llama-tied"), tie_word_embeddings=False))
    with pytest.raises(EvollmError, match=r"layers\.3.* and 8 more tensors"):
        load(edit(path, num_hidden_layers=4))
    edit(path, num_hidden_layers=3)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(EvollmError, match="the tokenizer of"):
        load(path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(EvollmError, match="has no weights"):
        load(path)


def test_devices_that_are_not_there(tmp_path: Path) -> None:
    path = folder(tmp_path)
    for device in ("cuda:99", "gpu"):
        with pytest.raises(EvollmError, match=f"device '{device}' is not on this machine"):
            load(path, LMSettings(device=device))


def test_a_model_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("no room")

    path = folder(tmp_path)
    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(EvollmError, match="does not fit in the memory of cpu"):
        load(path)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of Hugging Face, and no network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_the_hub_cannot_be_reached(hub: Path) -> None:
    with pytest.raises(EvollmError, match="hf:nobody/nothing is not in the cache"):
        load("hf:nobody/nothing")
    with pytest.raises(EvollmError, match="there is no Hugging Face model a//b"):
        load("hf:a//b")


def test_a_model_of_the_hub_in_the_cache(hub: Path) -> None:
    home, commit = hub / "models--me--tiny", "c" * 40
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(commit)
    folder(home / "snapshots" / commit)
    known = load("hf:me/tiny").fingerprint
    assert (known["name"], known["revision"]) == ("hf:me/tiny", commit)
    with pytest.raises(EvollmError, match="hf:me/tiny is not in the cache"):
        load("hf:me/tiny", LMSettings(revision="old"))


def test_only_torch_transformers_and_numpy_are_needed(tmp_path: Path) -> None:
    path = folder(tmp_path)
    code = f"""
import sys
sys.modules |= dict.fromkeys({BLOCKED!r})
import problems.lm
assert "torch" not in sys.modules
import pkgutil, importlib
for module in pkgutil.iter_modules(problems.lm.__path__):
    importlib.import_module(f"problems.lm.{{module.name}}")
print(problems.lm.load({path!r}).vocabulary)
"""
    assert python(code) == "320"


def test_a_missing_extra_is_named() -> None:
    code = "import sys; sys.modules['torch'] = None; from problems.lm import load; load()"
    assert "need torch: run `pip install 'evollm[lm]'`" in python(code)


@pytest.mark.model
def test_the_offline_model_is_the_same_as_its_server() -> None:
    lm = load()
    assert isinstance(lm, LM)
    assert (lm.name, lm.context, lm.vocabulary) == ("offline", 8192, 49152)
    ids = torch.tensor([lm.tokenizer("The capital of France is")["input_ids"]])
    best = lm.model(ids).logits[0, -1].argmax()
    assert lm.tokenizer.decode(best) == " Paris"
