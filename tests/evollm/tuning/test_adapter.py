"""Adapters as GGUF files: names, the order of rows, and what is refused."""

import json

import gguf
import numpy as np
import pytest
from safetensors.numpy import save_file

from evollm import EvollmError
from evollm.tuning.adapter import interleaved, write_gguf


def halves_alternate(rows: np.ndarray, heads: int) -> np.ndarray:
    """Return the order of llama's GGUF files, row by row."""
    size = len(rows) // heads
    order = [
        head * size + half * (size // 2) + place
        for head in range(heads)
        for place in range(size // 2)
        for half in range(2)
    ]
    return rows[order]


def test_the_two_halves_of_each_head_alternate() -> None:
    rows = np.arange(48.0).reshape(24, 2)
    for heads in (1, 2, 3):
        np.testing.assert_array_equal(interleaved(rows, heads), halves_alternate(rows, heads))


def saved(folder, layers: dict[str, np.ndarray]) -> None:
    save_file(layers, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"lora_alpha": 16, "r": 2}))


def test_tensors_have_the_names_of_gguf(tmp_path) -> None:
    prefix = "base_model.model.model.layers.3"
    down, query = np.ones((2, 6), np.float32), np.arange(16, dtype=np.float32).reshape(8, 2)
    saved(
        tmp_path,
        {
            f"{prefix}.mlp.down_proj.lora_A.weight": down,
            f"{prefix}.self_attn.q_proj.lora_B.weight": query,
        },
    )
    reader = gguf.GGUFReader(write_gguf(tmp_path, tmp_path / "adapter.gguf", 2, 1))
    held = {tensor.name: tensor.data for tensor in reader.tensors}
    assert set(held) == {"blk.3.ffn_down.weight.lora_a", "blk.3.attn_q.weight.lora_b"}
    np.testing.assert_array_equal(held["blk.3.attn_q.weight.lora_b"], halves_alternate(query, 2))
    assert reader.get_field("adapter.lora.alpha").contents() == 16
    assert reader.get_field("general.type").contents() == "adapter"


def test_other_layers_and_other_folders_are_refused(tmp_path) -> None:
    with pytest.raises(EvollmError, match="holds no adapter that can be read"):
        write_gguf(tmp_path, tmp_path / "adapter.gguf", 2, 1)
    saved(tmp_path, {"base_model.model.lm_head.lora_A.weight": np.ones((2, 2), np.float32)})
    with pytest.raises(EvollmError, match="for which GGUF files have no name"):
        write_gguf(tmp_path, tmp_path / "adapter.gguf", 2, 1)
