"""A model that is larger than the memory, of which one block is there at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evollm.errors import EvollmError
from problems.lm.blocks import Blocks
from problems.lm.devices import device_of, dtype_of, memory_of
from problems.lm.extra import quiet, require
from problems.lm.load import LM, described
from problems.lm.settings import LMSettings
from problems.lm.sources import Source, find, is_masked
from problems.lm.tokenizer import tokenizer_of

if TYPE_CHECKING:
    from torch import Tensor


class Shards:
    """The tensors of a folder's safetensors, read one by one.

    Args:
        source: Where the files are.

    Raises:
        EvollmError: If the weights are in files of another kind.
    """

    def __init__(self, source: Source) -> None:
        from safetensors import safe_open

        self.source = source
        self.files: dict[str, Path] = {}
        for file in source.weights:
            if file.suffix != ".safetensors":
                raise EvollmError(
                    f"{source.name} has its weights in {file.name}, which can't be read block by "
                    "block: save the model as safetensors"
                )
            with safe_open(file, "pt") as held:
                self.files |= dict.fromkeys(held.keys(), file)

    def read(self, names: Mapping[str, str], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Read tensors.

        Args:
            names: What each is to be called, and its name in the files.
            like: By the former, tensors of the precision that is wanted.

        Raises:
            EvollmError: If one is not in the files.
        """
        from safetensors import safe_open

        found = {}
        for file in sorted({self._file(name) for name in names.values()}):
            with safe_open(file, "pt") as held:
                for key, name in names.items():
                    if self.files[name] == file:
                        found[key] = held.get_tensor(name).to(like[key].dtype)
        return found

    def _file(self, name: str) -> Path:
        if name not in self.files:
            raise EvollmError(
                f"the weights of {self.source.name} lack {name}: fetch it again, or name another "
                "model"
            )
        return self.files[name]


def stream(name: str | None = None, settings: LMSettings = LMSettings()) -> LM:
    """Load a causal model without the weights of its blocks, which ``resident`` brings.

    Args:
        name: As ``load`` takes it.
        settings: As ``load`` takes them; the device must be one.

    Raises:
        EvollmError: As ``load``; or if the model has no blocks that can be brought one by one.
    """
    require()
    source = find(name, settings)
    if is_masked(source, settings):
        raise EvollmError(f"{source.name} fills in masks: only causal models go block by block")
    device = device_of(settings.device)
    if device == "auto":
        raise EvollmError("device must be one device for a model block by block, not auto")
    with memory_of(source, device), quiet():
        tokenizer = tokenizer_of(source, settings)
        lm = described(source, tokenizer, _hollow(source, settings, device), masked=False)
        _empty(Blocks(lm))
        _fill(lm, Shards(source), device)
    return described(source, tokenizer, lm.model, masked=False)


def _hollow(source: Source, settings: LMSettings, device: str) -> Any:
    """Return a model whose matrices have no storage; buffers and some small tensors have."""
    import torch
    from torch.overrides import TorchFunctionMode
    from transformers import AutoConfig, AutoModelForCausalLM

    class Hollow(TorchFunctionMode):
        def __torch_function__(
            self, function: Any, types: Any, arguments: Any = (), named: Any = None
        ) -> Any:
            more = {"device": "meta"} if function is torch.empty else {}
            return function(*arguments, **{**(named or {}), **more})

    trust = settings.trust_remote_code
    config = AutoConfig.from_pretrained(source.folder, trust_remote_code=trust)
    dtype = dtype_of(settings, device)
    dtype = (config.dtype or torch.float32) if dtype == "auto" else dtype
    with Hollow():
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=trust)
    return model.eval().requires_grad_(False)


def _empty(blocks: Blocks) -> None:
    """Take the storage of all parameters of blocks: norms begin as ones, not as what they are."""
    from torch.nn import Parameter

    for block in blocks.modules:
        for module in block.modules():
            for name, held in module._parameters.items():
                if held is not None:
                    module._parameters[name] = Parameter(held.to("meta"), requires_grad=False)


def _fill(lm: LM, shards: Shards, device: str) -> None:
    """Bring what is in no block."""
    model, inside = lm.model, f"{Blocks(lm).prefix}."
    outside = {k: v for k, v in model.state_dict().items() if not k.startswith(inside)}
    tied = {k for k in outside if k not in shards.files and model.config.tie_word_embeddings}
    found = shards.read({k: k for k in outside.keys() - tied}, outside)
    model.load_state_dict(_placed(found, device), strict=False, assign=True)
    model.tie_weights()
    for module in model.modules():
        for key, buffer in module._buffers.items():
            module._buffers[key] = buffer if buffer is None else buffer.to(device)
    for key, tensor in model.state_dict().items():
        if tensor.is_meta and not key.startswith(inside):
            shards._file(key)


def _placed(tensors: Mapping[str, Tensor], device: Any) -> dict[str, Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}


@contextmanager
def resident(blocks: Blocks, index: int, shards: Shards | None = None) -> Iterator[Any]:
    """Hold a block's weights in memory for a ``with`` block.

    Args:
        blocks: Of a model from ``stream``; of one from ``load`` they are there anyway.
        index: Which block.
        shards: Of its source; None to open them anew.

    Yields:
        The block. Changes to its weights are lost at the end.

    Raises:
        EvollmError: If a tensor is missing, or the block does not fit.
    """
    block, lm = blocks.modules[index], blocks.lm
    empty = block.state_dict()
    if not any(tensor.is_meta for tensor in empty.values()):
        yield block
        return
    names = {name: blocks.tensor(index, name) for name in empty}
    with memory_of(lm.source, str(lm.device)):
        found = (shards or Shards(lm.source)).read(names, empty)
        block.load_state_dict(_placed(found, lm.device), assign=True)
    try:
        yield block
    finally:
        block.load_state_dict(empty, assign=True)
