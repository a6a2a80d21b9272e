"""Kinds by their names, and what the levels of each are made by."""

from dataclasses import replace
from math import ceil

from evollm.errors import EvollmError
from problems.compression.kinds.depth import Depth
from problems.compression.kinds.gguf import GGUF
from problems.compression.kinds.joint import Joint
from problems.compression.kinds.quantization import Quantization
from problems.compression.kinds.space import Kind
from problems.compression.kinds.sparsity import Sparsity
from problems.compression.levels.settings import LevelSettings

KINDS = {
    "depth": Depth,
    "sparsity": Sparsity,
    "quantization": Quantization,
    "joint": Joint,
    "gguf": GGUF,
}


def kind_named(kind: Kind | str) -> Kind:
    """Return a kind, by its name with the default settings.

    Raises:
        EvollmError: If there is none of that name.
    """
    if not isinstance(kind, str):
        return kind
    if kind not in KINDS:
        raise EvollmError(f"kind must be {', '.join(KINDS)}, not '{kind}'")
    made: Kind = KINDS[kind]()
    return made


def levels_for(kind: Kind, given: LevelSettings | None) -> LevelSettings:
    """Return how levels are made, with the groups that the kind counts bytes for.

    Args:
        kind: What is compressed.
        given: The settings; None for GPTQ, which shows later blocks the effect of the bits aimed
            at, or SparseGPT to prune.
    """
    if isinstance(kind, Sparsity):
        return given or LevelSettings("sparsegpt")
    bits = kind.quantization if isinstance(kind, Joint) else kind
    if not isinstance(bits, Quantization):
        return given or LevelSettings()
    return replace(given or LevelSettings(carry=float(ceil(bits.bits))), group=bits.group)
