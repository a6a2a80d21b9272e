"""Adapters merged into a model's weights: folders of peft's, and GGUF files."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evollm.errors import EvollmError
from evollm.llm.files import digest
from evollm.paths import TRAINED
from evollm.tuning.adapter import SUFFIX, read_gguf

if TYPE_CHECKING:
    from problems.lm.load import LM


def merged(lm: LM, adapter: Path) -> tuple[LM, str]:
    """Return a model with an adapter in its weights, and a name for both.

    Args:
        lm: The model; its weights change.
        adapter: A folder with an adapter of peft, or a GGUF file of one for llama's kind.

    Raises:
        EvollmError: If there is no such adapter, or it is not one of this model.
    """
    single = adapter.suffix == SUFFIX or adapter.is_file()
    file = adapter if single else adapter / TRAINED
    if not file.is_file():
        raise EvollmError(
            f"there is no adapter {file}: give a GGUF file, or a folder that evollm tune wrote"
        )
    try:
        model = _with_gguf(lm, file) if single else _with_peft(lm, adapter)
    except ValueError as error:
        why = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise EvollmError(
            f"the adapter {file} does not fit {lm.name} ({why}): name another"
        ) from None
    return replace(lm, model=model), f"{lm.name} with adapter {digest(file)[:12]}"


def _with_peft(lm: LM, folder: Path) -> Any:
    try:
        from peft import PeftModel, get_peft_model_state_dict
    except ImportError:
        raise EvollmError("an adapter needs peft: pip install 'evollm[tune]'") from None
    from safetensors import safe_open

    try:
        with safe_open(folder / TRAINED, "pt") as file:
            wanted = set(file.keys())
        with warnings.catch_warnings():  # peft asks transformers for what it now calls otherwise
            warnings.simplefilter("ignore")
            found: Any = PeftModel.from_pretrained(lm.model, str(folder))
        same = set(get_peft_model_state_dict(found)) == wanted
    except Exception as error:  # peft has no class for what can be wrong with its files
        raise ValueError(str(error) or type(error).__name__) from None
    if not same:
        raise ValueError("other layers")
    return found.merge_and_unload().eval().requires_grad_(False)


def _with_gguf(lm: LM, file: Path) -> Any:
    """Add each layer's product of two matrices to its weights.

    Raises:
        ValueError: If the model lacks a layer, or one has another shape.
    """
    import torch

    config = lm.model.config.get_text_config()
    heads = config.num_attention_heads
    layers = read_gguf(file, heads, getattr(config, "num_key_value_heads", heads))
    held: Mapping[str, Any] = {
        name[name.index("layers.") :]: module
        for name, module in lm.model.named_modules()
        if "layers." in name
    }
    for name, (down, up) in layers.items():
        weight = getattr(held.get(name), "weight", None)
        if weight is None or weight.shape != (up.shape[0], down.shape[1]):
            raise ValueError(f"it has no such {name}")
    for name, (down, up) in layers.items():
        weight = held[name].weight
        step = torch.from_numpy(up @ down).to(weight.device)
        weight.data.copy_(weight.data.float() + step)
    return lm.model
