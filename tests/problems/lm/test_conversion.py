"""GGUF files in torch: converted once, checked, and made anew when damaged."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from gguf import GGUFWriter, TokenType

from evollm.errors import EvollmError
from problems.lm import conversion, load
from tests.problems.lm.support_tiny import model, tokenizer

LAYERS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
IDS = torch.arange(10)[None] + 5


def write(file: Path) -> Path:
    """Write the tiny qwen2 model as a GGUF file."""
    writer = GGUFWriter(file, "qwen2")
    writer.add_context_length(128)
    writer.add_embedding_length(32)
    writer.add_block_count(3)
    writer.add_feed_forward_length(48)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)
    _add_tokens(writer)
    for name, tensor in model("qwen2").state_dict().items():
        writer.add_tensor(_renamed(name), tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _add_tokens(writer: Any) -> None:
    state = json.loads(tokenizer().backend_tokenizer.to_str())["model"]
    names = sorted(state["vocab"], key=state["vocab"].get)
    names += [f"<unused{index}>" for index in range(320 - len(names))]
    kinds = [TokenType.CONTROL if index < 5 else TokenType.NORMAL for index in range(320)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(names)
    writer.add_token_types([int(kind) for kind in kinds])
    writer.add_token_merges([" ".join(pair) for pair in state["merges"]])
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)


def _renamed(name: str) -> str:
    outer = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    stem, _, kind = name.rpartition(".")
    if stem in outer:
        return f"{outer[stem]}.{kind}"
    _, _, index, layer = stem.split(".", 3)
    return f"blk.{index}.{LAYERS[layer]}.{kind}"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A GGUF file, and an empty cache folder."""
    monkeypatch.setenv("EVOLLM_CACHE", str(tmp_path / "cache"))
    return write(tmp_path / "tiny.gguf")


def test_a_gguf_file_is_the_same_model(file: Path) -> None:
    lm = load(str(file))
    assert (lm.name, lm.context, lm.vocabulary, lm.ends) == (str(file), 128, 320, (2,))
    assert torch.equal(lm.model(IDS).logits, model("qwen2")(IDS).logits)
    text = "Don't ask why the harbour"
    assert lm.tokenizer(text)["input_ids"] == tokenizer()(text)["input_ids"]


def test_it_is_converted_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(str(file))
    monkeypatch.setattr(conversion, "_save", lambda *_: pytest.fail("converted again"))
    assert load(str(file)).fingerprint == first.fingerprint
    assert load(str(file.parent)).source.folder == first.source.folder


@pytest.mark.parametrize("change", ["cut", "add"])
def test_a_damaged_conversion_is_made_anew(file: Path, change: str) -> None:
    folder = load(str(file)).source.folder
    weights = folder / "model.safetensors"
    if change == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    else:
        (folder / "extra.json").write_text("{}")
    assert torch.equal(load(str(file)).model(IDS).logits, model("qwen2")(IDS).logits)
    assert not (folder / "extra.json").exists()


def test_files_that_hold_no_model(file: Path) -> None:
    file.write_bytes(b"GGUF and nothing else")
    with pytest.raises(EvollmError, match="can't be read as a model"):
        load(str(file))
    assert not [path for path in (file.parent / "cache/torch").iterdir() if path.is_dir()]


def test_a_full_disk(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(conversion, "_save", full)
    with pytest.raises(EvollmError, match=r"\(No space left on device\): free some space"):
        load(str(file))


def test_missing_packages_are_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(EvollmError, match=r"need accelerate: run `pip install 'evollm\[lm\]'`"):
        load(str(file))


@pytest.mark.model
def test_the_offline_models_numbers_are_single_digits() -> None:
    lm = load()
    ids = lm.tokenizer("1984 ½", add_special_tokens=False)["input_ids"]
    assert [lm.tokenizer.decode([i]) for i in ids[:4]] == ["1", "9", "8", "4"]
    assert ids[4:] == [216, 16738]
