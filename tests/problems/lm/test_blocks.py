"""Blocks: a model in parts is the model; its weights block by block."""

from pathlib import Path

import pytest
import torch

from evollm.errors import EvollmError
from problems.lm import LM, LMSettings, load
from problems.lm.blocks import Blocks
from problems.lm.streaming import Shards, resident, stream
from tests.problems.lm.conftest import Make
from tests.problems.lm.support_tiny import folder, model

FAMILIES = ["llama", "llama-tied", "mistral", "qwen2", "qwen3", "phi", "phi3"]
FAMILIES += ["gemma", "gemma2", "gemma3"]
IDS = torch.arange(3 * 12).reshape(3, 12) * 7 % 300 + 5
MASK = torch.ones_like(IDS)
MASK[0, :4] = 0


def in_parts(blocks: Blocks, ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    entry = blocks.enter(ids, mask)
    hidden = entry.hidden
    for index in range(len(blocks)):
        with resident(blocks, index):
            hidden = blocks.run(index, hidden, entry)
    return blocks.head(blocks.leave(hidden))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_parts_are_the_model(make: Make, family: str) -> None:
    """Longer than the windows of those families that have some; with and without padding."""
    lm = make(family)
    streamed = Blocks(stream(lm.name))
    for mask in (None, MASK):
        real = (torch.ones_like(IDS) if mask is None else mask).bool()
        whole = lm.model(IDS, attention_mask=mask).logits[real]
        assert torch.allclose(in_parts(Blocks(lm), IDS, mask)[real], whole, atol=1e-5)
        assert torch.allclose(in_parts(streamed, IDS, mask)[real], whole, atol=1e-5)


def test_linear_layers_are_listed(make: Make) -> None:
    blocks = Blocks(make("llama"))
    assert len(blocks) == 3
    found = {layer.name: (layer.part, layer.shape) for layer in blocks.linears[1]}
    assert found["self_attn.k_proj"] == ("attention", (16, 32))
    assert found["mlp.down_proj"] == ("mlp", (32, 48))
    assert len(found) == 7
    assert blocks.linears[0][0].size == 32 * 32
    assert blocks.linear(2, "mlp.up_proj") is blocks.modules[2].mlp.up_proj
    fused = {layer.name for layer in Blocks(make("phi3")).linears[0]}
    assert {"self_attn.qkv_proj", "mlp.gate_up_proj"} < fused


@pytest.mark.parametrize(("family", "tied"), [("llama", False), ("llama-tied", True)])
def test_tied_heads(make: Make, family: str, tied: bool) -> None:
    assert Blocks(make(family)).tied is tied
    assert Blocks(stream(make(family).name)).tied is tied


def test_one_block_at_a_time_is_in_memory(lm: LM) -> None:
    blocks = Blocks(stream(lm.name))
    weights = [blocks.linear(index, "mlp.up_proj") for index in range(3)]
    names = [blocks.tensor(index, "mlp.up_proj.weight") for index in range(3)]
    original = lm.model.state_dict()
    for index in range(3):
        with resident(blocks, index, Shards(lm.source)) as block:
            assert [layer.weight.is_meta for layer in weights] == [i != index for i in range(3)]
            assert torch.equal(block.mlp.up_proj.weight, original[names[index]])
    assert all(layer.weight.is_meta for layer in weights)


def test_changed_weights_count_in_the_block(lm: LM) -> None:
    blocks = Blocks(stream(lm.name))
    entry = blocks.enter(IDS)
    with resident(blocks, 0) as block:
        before = blocks.run(0, entry.hidden, entry)
        block.mlp.down_proj.weight.data.zero_()
        after = blocks.run(0, entry.hidden, entry)
    assert not torch.allclose(before, after)


def test_the_precision_of_streamed_weights(lm: LM) -> None:
    streamed = stream(lm.name, LMSettings(dtype="bfloat16"))
    assert streamed.dtype == torch.bfloat16
    with resident(Blocks(streamed), 0) as block:
        assert {tensor.dtype for tensor in block.state_dict().values()} == {torch.bfloat16}


def test_several_files_are_read(tmp_path: Path, lm: LM) -> None:
    path = folder(tmp_path, around=True)
    (tmp_path / "model.safetensors").unlink()
    model("llama").save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    blocks = Blocks(stream(path))
    assert torch.allclose(in_parts(blocks, IDS, None), lm.model(IDS).logits, atol=1e-5)


def test_models_without_such_blocks(make: Make, tmp_path: Path) -> None:
    for family in ("gpt2", "bert"):
        with pytest.raises(EvollmError, match="has no blocks with linear layers"):
            Blocks(make(family))
    with pytest.raises(EvollmError, match="only causal models go block by block"):
        stream(make("bert").name)
    with pytest.raises(EvollmError, match="device must be one device"):
        stream(make("llama").name, LMSettings(device="auto"))
    path = Path(folder(tmp_path))
    (path / "model.safetensors").rename(path / "pytorch_model.bin")
    with pytest.raises(EvollmError, match="save the model as safetensors"):
        stream(str(path))


def test_missing_tensors_are_named(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, file)
    blocks = Blocks(stream(path))
    with pytest.raises(EvollmError, match=r"lack model\.layers\.1\.mlp"), resident(blocks, 1):
        pass
    del tensors["lm_head.weight"]
    save_file(tensors, file)
    with pytest.raises(EvollmError, match=r"lack lm_head\.weight"):
        stream(path)


@pytest.mark.model
def test_the_offline_model_in_parts() -> None:
    lm = load()
    blocks = Blocks(lm)
    assert (len(blocks), blocks.tied) == (30, True)
    assert sum(layer.size for layers in blocks.linears for layer in layers) == 106_168_320
    ids = torch.arange(40)[None]
    whole = lm.model(ids).logits
    assert torch.allclose(in_parts(blocks, ids, None), whole, atol=1e-3)
