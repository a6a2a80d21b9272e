"""A model whose layers have levels: weights swapped by pointer, dropped sublayers at no cost."""

from __future__ import annotations

import copy
from collections import OrderedDict
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from evollm.errors import EvollmError
from problems.compression.evaluation.memory import weight_bytes
from problems.compression.layout import DENSE, DROP, SUBLAYERS, Genome, Layout, Level
from problems.lm.blocks import Blocks, Entry
from problems.lm.streaming import Shards

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module, Parameter

Config: TypeAlias = tuple[tuple[str, Level], ...]
"""Names and levels of the units of a block, as ``Layout.by_block`` gives them."""
BOTH = frozenset(("attention", "mlp"))


class WeightSource(Protocol):
    """Where the weights of levels come from, such as a level database."""

    def weight(self, block: int, name: str, level: Level) -> Tensor:
        """Return a linear layer's dense weights in the model's precision and on its device."""


class Stitched:
    """A model that runs with any levels of its layers.

    Args:
        blocks: The model's; its linear layers get the weights, and ``restore`` brings back the
            original ones. Of a streamed model, what is in no unit is loaded now, and original
            weights come from ``levels``, too.
        layout: Its units.
        levels: Their weights; None if sublayers and blocks are dropped, and that alone.
        limit: Most bytes of weights that are held; None for half of the free memory.

    Raises:
        EvollmError: If linear layers have levels, and there is nothing to take their weights from.
    """

    def __init__(
        self,
        blocks: Blocks,
        layout: Layout,
        levels: WeightSource | None = None,
        limit: int | None = None,
    ) -> None:
        self.blocks, self.layout = blocks, layout
        self.weights = Weights(levels, weight_bytes(blocks.lm.device) if limit is None else limit)
        self._shells: dict[tuple[int, frozenset[str]], Any] = {}
        self._linears = {
            (unit.block, unit.name): blocks.linear(unit.block, unit.name)
            for unit in layout.units
            if unit.linear
        }
        if levels is None and self._linears:
            raise EvollmError("linear layers have levels: give the database of their weights")
        self._original = {key: linear.weight for key, linear in self._linears.items()}
        self._held: dict[tuple[int, str], Level] = {}
        for index in range(len(blocks)):
            _load_rest(blocks, index, {f"{name}.weight" for i, name in self._linears if i == index})
        self.restore()

    def dense(self, index: int) -> Config:
        """Return the configuration of a block of the whole model."""
        return tuple((unit.name, DENSE) for unit in self.layout.units if unit.block == index)

    def run(self, index: int, config: Config, hidden: Tensor, entry: Entry) -> Tensor:
        """Return what leaves a block.

        Args:
            index: Which block.
            config: The levels of its units.
            hidden: What enters it, of shape ``(rows, tokens, width)``.
            entry: From ``Blocks.enter``, for the same shape.
        """
        import torch

        gone = dropped_parts(config)
        if self.skips(config):
            return hidden
        self._set(index, config)
        with torch.inference_mode():
            out = self._block(index, gone)(hidden, **entry.calls[index])
        found: Tensor = out[0] if isinstance(out, tuple) else out
        return found

    def skips(self, config: Config) -> bool:
        """Return whether a block is dropped as a whole."""
        return dropped_parts(config) == BOTH

    def install(self, genome: Genome) -> None:
        """Give the whole model these levels, until ``restore`` or the next scores."""
        for index, config in enumerate(self.layout.by_block(genome)):
            self._set(index, config)
            gone = dropped_parts(config)
            self.blocks.decoder.layers[index] = self._block(index, gone)  # type: ignore[union-attr]

    def restore(self) -> None:
        """Bring the original weights and sublayers back."""
        for key, linear in self._linears.items():
            linear.weight = self._original[key]
        self._held = {key: DENSE for key, held in self._original.items() if not held.is_meta}
        for index, block in enumerate(self.blocks.modules):
            self.blocks.decoder.layers[index] = block  # type: ignore[union-attr]

    def _set(self, index: int, config: Config) -> None:
        """Point the linear layers of a block to the weights of their levels."""
        for name, level in config:
            key = index, name
            if name in SUBLAYERS or level == DROP or self._held.get(key) == level:
                continue
            original = self._original[key]
            resident = level == DENSE and not original.is_meta
            self._linears[key].weight = (
                original if resident else self.weights.of(index, name, level)
            )
            self._held[key] = level

    def _block(self, index: int, gone: frozenset[str]) -> Any:
        if not gone:
            return self.blocks.modules[index]
        key = index, gone
        if key not in self._shells:
            self._shells[key] = _without(self.blocks, index, gone)
        return self._shells[key]


class Weights:
    """Weights of levels, of which the latest used are held.

    Args:
        source: Where they come from.
        limit: Most bytes that are held; None for no limit.
    """

    def __init__(self, source: WeightSource | None, limit: int | None = None) -> None:
        self.source, self.limit = source, limit
        self.nbytes = 0
        self._held: OrderedDict[tuple[int, str, Level], Parameter] = OrderedDict()

    def of(self, block: int, name: str, level: Level) -> Parameter:
        """Return the weights of a level."""
        from torch.nn import Parameter

        key = block, name, level
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        assert self.source is not None
        found = Parameter(self.source.weight(block, name, level), requires_grad=False)
        self._held[key] = found
        self.nbytes += found.nbytes
        while self.limit is not None and self.nbytes > self.limit and len(self._held) > 1:
            self.nbytes -= self._held.popitem(last=False)[1].nbytes
        return found


def _load_rest(blocks: Blocks, index: int, but: set[str]) -> None:
    """Load a streamed block's tensors but for some."""
    block, lm = blocks.modules[index], blocks.lm
    state = block.state_dict()
    names = {
        name: blocks.tensor(index, name)
        for name, tensor in state.items()
        if tensor.is_meta and name not in but
    }
    if names:
        found = Shards(lm.source).read(names, state)
        placed = {name: tensor.to(lm.device) for name, tensor in found.items()}
        block.load_state_dict(placed, strict=False, assign=True)


def dropped_parts(config: Config) -> frozenset[str]:
    """Return which of attention and MLP a block does without."""
    gone = {name for name, level in config if name in SUBLAYERS and level == DROP}
    return BOTH if "block" in gone else frozenset(gone)


def _without(blocks: Blocks, index: int, gone: frozenset[str]) -> Any:
    """Return a block without attention or MLP, or both, that shares all else with the original."""
    block = blocks.modules[index]
    shell = copy.copy(block)
    shell._modules = dict(block._modules)
    for part in gone:
        top = {linear.name.split(".")[0] for linear in blocks.linears[index] if linear.part == part}
        for name in top:
            layer = getattr(block._modules[name], "layer_idx", None)
            shell._modules[name] = _absent(part, layer, blocks.lm)
        for name in _norms(block, part, whole=gone == BOTH):
            shell._modules[name] = _same()
    return shell


def _norms(block: Any, part: str, whole: bool) -> list[str]:
    """Return the norms of a block that belong to one of its sublayers alone.

    What is normed behind a dropped sublayer is 0 and stays so, if the norm has no offset.
    """
    around = "post_feedforward_layernorm" in block._modules
    if part == "attention":
        parallel = "post_attention_layernorm" not in block._modules
        names = ["input_layernorm"] * (whole or not parallel)
        names += ["post_attention_layernorm"] * around
    elif around:
        names = ["pre_feedforward_layernorm", "post_feedforward_layernorm"]
    else:
        names = ["post_attention_layernorm"]
    return [name for name in names if name in block._modules]


@cache
def _same() -> Module:
    from torch.nn import Identity

    return Identity()


def _absent(part: str, layer: int | None, lm: Any) -> Any:
    """Return what stands for a dropped sublayer: it adds 0, of a shape that broadcasts."""
    import torch

    width = lm.model.get_input_embeddings().weight.shape[1]
    nothing = torch.zeros((1, 1, width), dtype=lm.dtype, device=lm.device)

    class Absent(torch.nn.Module):
        def forward(self, *given: Tensor, **named: Any) -> Any:
            if part == "mlp":
                return nothing
            _count(named, layer)
            return nothing, None

    return Absent()


def _count(named: dict[str, Any], layer: int | None) -> None:
    """Tell a cache of keys and values how many tokens went by: the first block's is asked."""
    cached = named.get("cache") or named.get("past_key_values")
    if cached is not None and layer is not None:
        hidden = named["hidden_states"]
        empty = hidden.new_zeros((len(hidden), 1, hidden.shape[1], 1))
        cached.update(empty, empty, layer)
