"""A causal model as embeddings, blocks and head, which together are the model."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from evollm.errors import EvollmError
from problems.lm.load import LM

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

Part = Literal["attention", "mlp"]
NORMS = ("norm", "final_layernorm")
"""Names of the norm behind the last block."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear layer of a block.

    Attributes:
        name: Within the block, such as ``self_attn.q_proj``.
        part: Which half of the block it is in.
        shape: Of its weights: output and input features.
    """

    name: str
    part: Part
    shape: tuple[int, int]

    @property
    def size(self) -> int:
        """Number of weights, biases apart."""
        return self.shape[0] * self.shape[1]


@dataclass(frozen=True, slots=True)
class Entry:
    """What enters the first block, and what each block is called with beside it.

    Attributes:
        hidden: Of shape ``(rows, tokens, width)``.
        calls: For each block its keyword arguments: masks and rotary embeddings. They depend on the
            shape and the padding of the tokens, but not on the tokens.
    """

    hidden: Tensor
    calls: tuple[Mapping[str, Any], ...]


class Blocks:
    """The blocks of a causal model of the llama, mistral, qwen, phi or gemma kind.

    What a block is called with is recorded from the model's own forward pass, so masks, windows and
    rotary embeddings are its own.

    Args:
        lm: The model; its modules are used, not copied.

    Raises:
        EvollmError: If the model has no such blocks.
    """

    def __init__(self, lm: LM) -> None:
        self.lm = lm
        self.decoder = None if lm.masked else lm.model.get_decoder()
        self.modules: list[Any] = list(getattr(self.decoder, "layers", None) or [])
        self.norm = next((m for n in NORMS if (m := getattr(self.decoder, n, None))), None)
        self.linears = [_linears(block) for block in self.modules]
        if self.norm is None or not self.modules or not all(self.linears):
            raise EvollmError(
                f"{lm.name} has no blocks with linear layers for attention and MLP: name "
                "one of the llama, mistral, qwen, phi or gemma kind"
            )
        places = set(getattr(lm.model, "hf_device_map", {}).values())
        if len(places) > 1:
            raise EvollmError(f"{lm.name} is spread over several devices: give one device")
        names = (name for name, module in lm.model.named_modules() if module is self.decoder)
        self.prefix = f"{next(names)}.layers"

    def __len__(self) -> int:
        return len(self.modules)

    @property
    def tied(self) -> bool:
        """Whether the head's weights are the embeddings'."""
        head = self.lm.model.get_output_embeddings()
        return bool(head.weight is self.lm.model.get_input_embeddings().weight)

    def tensor(self, index: int, name: str) -> str:
        """Return what a tensor of a block is called in the whole model."""
        return f"{self.prefix}.{index}.{name}"

    def linear(self, index: int, name: str) -> Any:
        """Return the linear layer of a block: a ``torch.nn.Linear``."""
        return self.modules[index].get_submodule(name)

    def enter(self, ids: Tensor, mask: Tensor | None = None) -> Entry:
        """Embed tokens, and prepare what the blocks are called with.

        Args:
            ids: Of shape ``(rows, tokens)``, on the model's device.
            mask: 1 for real tokens and 0 for padding; None if all are real.
        """
        import torch

        recorders = [_recorder(block) for block in self.modules]
        shell = _shell(self.decoder, layers=torch.nn.ModuleList(recorders))
        with torch.no_grad():
            shell(input_ids=ids, attention_mask=mask, use_cache=False)
        return Entry(recorders[0].hidden, tuple(recorder.call for recorder in recorders))

    def run(self, index: int, hidden: Tensor, entry: Entry) -> Tensor:
        """Return what leaves a block."""
        import torch

        with torch.no_grad():
            out = self.modules[index](hidden, **entry.calls[index])
        found: Tensor = out[0] if isinstance(out, tuple) else out
        return found

    def leave(self, hidden: Tensor) -> Tensor:
        """Return the normed states that the head reads, from what leaves the last block."""
        import torch

        assert self.norm is not None
        with torch.no_grad():
            normed: Tensor = self.norm(hidden)
        return normed

    def head(self, normed: Tensor) -> Tensor:
        """Return logits of shape ``(rows, tokens, vocabulary)``."""
        import torch

        name = self.lm.model.base_model_prefix
        shell = _shell(self.lm.model, **{name: _answer(normed)})
        with torch.no_grad():
            logits: Tensor = shell(input_ids=None, use_cache=False).logits
        return logits


def _linears(block: Any) -> tuple[Linear, ...]:
    from torch.nn import Linear as Layer

    return tuple(
        Linear(
            name,
            "attention" if "attn" in name else "mlp",
            (module.out_features, module.in_features),
        )
        for name, module in block.named_modules()
        if isinstance(module, Layer)
    )


def _shell(module: Any, **parts: Module) -> Any:
    """Return a module that shares everything with another one but some of its parts."""
    shell = copy.copy(module)
    shell._modules = {**module._modules, **parts}
    return shell


def _recorder(block: Any) -> Any:
    """Return a stand-in for a block that keeps what it is called with and changes nothing."""
    import torch

    class Recorder(torch.nn.Module):
        hidden: Tensor
        call: dict[str, Any]

        def __getattr__(self, name: str) -> Any:  # such as the kind of its attention
            return getattr(block, name)

        def forward(self, hidden_states: Tensor, **named: Any) -> Tensor:
            self.hidden, self.call = hidden_states, named
            return hidden_states

    return Recorder()


def _answer(normed: Tensor) -> Any:
    """Return a stand-in for all that comes before the head."""
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPast

    class Answer(torch.nn.Module):
        def forward(self, *_: Any, **__: Any) -> Any:
            return BaseModelOutputWithPast(last_hidden_state=normed)

    return Answer()
