"""A trained adapter as a GGUF file, which llama.cpp's server loads."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.paths import TRAINED

NAMES: Mapping[str, str] = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""Linear layers of llama's kind, and what GGUF files call them."""
SUFFIX = ".gguf"
KEY = re.compile(r"layers\.(\d+)\.([a-z_]+\.[a-z_]+)\.lora_([AB])\.weight$")
PLACE = re.compile(r"blk\.(\d+)\.([a-z_]+)\.weight\.lora_a$")


def write_gguf(folder: Path, file: Path, heads: int, kv_heads: int) -> Path:
    """Convert PEFT's files of an adapter for a model of llama's kind; return the GGUF file.

    The rows of the query and key projections' second matrix are put into the order in which GGUF
    files of llama have them: the two halves of each head alternate.

    Args:
        folder: With ``adapter_config.json`` and ``adapter_model.safetensors``.
        file: Where to write; float16.
        heads: Attention heads of the model.
        kv_heads: Heads of its keys and values.

    Raises:
        EvollmError: If ``gguf`` is missing, the folder holds no adapter, or it adapts layers that
            this format does not name.
    """
    gguf = _gguf()
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / TRAINED)
    except (OSError, ValueError, SafetensorError) as error:
        raise EvollmError(f"{folder} holds no adapter that can be read: {error}") from None
    draft = file.with_name(f"{file.name}.part")
    writer = gguf.GGUFWriter(str(draft), "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(config["lora_alpha"]))
    for name, tensor in sorted(_named(tensors, heads, kv_heads).items()):
        writer.add_tensor(name, tensor.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    draft.replace(file)
    return file


def read_gguf(
    file: Path, heads: int, kv_heads: int
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return the matrices of an adapter, by layer as transformers names it.

    Args:
        file: As ``write_gguf`` writes it.
        heads: Attention heads of the model.
        kv_heads: Heads of its keys and values.

    Returns:
        For each layer, such as ``layers.0.mlp.up_proj``, the first matrix and the second, to be
        multiplied as second times first; the second contains the adapter's factor.

    Raises:
        EvollmError: If ``gguf`` is missing.
        ValueError: If the file holds no adapter that can be read.
    """
    gguf = _gguf()
    try:
        reader = gguf.GGUFReader(file)
        alpha = float(reader.get_field("adapter.lora.alpha").contents())
        held = {one.name: np.asarray(one.data, dtype=np.float32) for one in reader.tensors}
    except (OSError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"no adapter that can be read: {error}") from None
    found = {}
    for name in sorted(name for name in held if name.endswith(".lora_a")):
        match = PLACE.match(name)
        layer = match and {short: long for long, short in NAMES.items()}.get(match[2])
        up = held.get(name.removesuffix("a") + "b")
        if match is None or not layer or up is None:
            raise ValueError(f"unknown tensor {name}")
        if layer in ("self_attn.q_proj", "self_attn.k_proj"):
            up = halved(up, heads if layer == "self_attn.q_proj" else kv_heads)
        found[f"layers.{match[1]}.{layer}"] = (held[name], up * (alpha / len(held[name])))
    return found


def _gguf() -> Any:
    try:
        import gguf
    except ImportError:
        raise EvollmError(
            "adapters as GGUF files need gguf: run `pip install 'evollm[tune]'`"
        ) from None
    return gguf


def _named(
    tensors: Mapping[str, NDArray[Any]], heads: int, kv_heads: int
) -> dict[str, NDArray[Any]]:
    found = {}
    for key, tensor in tensors.items():
        match = KEY.search(key)
        if match is None or match[2] not in NAMES:
            raise EvollmError(
                f"the adapter changes {key}, for which GGUF files have no name: train an adapter "
                "of a model of llama's kind, on the linear layers of its blocks"
            )
        block, layer, side = match.groups()
        if side == "B" and layer in ("self_attn.q_proj", "self_attn.k_proj"):
            tensor = interleaved(tensor, heads if layer == "self_attn.q_proj" else kv_heads)
        found[f"blk.{block}.{NAMES[layer]}.weight.lora_{side.lower()}"] = tensor
    return found


def interleaved(rows: NDArray[Any], heads: int) -> NDArray[Any]:
    """Return rows in the order of GGUF files: the two halves of each head alternate."""
    size = rows.shape[0] // heads
    apart = rows.reshape(heads, 2, size // 2, *rows.shape[1:])
    return np.ascontiguousarray(np.swapaxes(apart, 1, 2).reshape(rows.shape))


def halved(rows: NDArray[Any], heads: int) -> NDArray[Any]:
    """Return rows in the order of transformers, from that of ``interleaved``.

    Raises:
        ValueError: If they are not of so many heads.
    """
    size = rows.shape[0] // heads
    together = rows.reshape(heads, size // 2, 2, *rows.shape[1:])
    return np.ascontiguousarray(np.swapaxes(together, 1, 2).reshape(rows.shape))
