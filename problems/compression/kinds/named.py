"""Kinds by their names, and what the levels of each are made by."""

from dataclasses import replace
from math import ceil

from evollm.errors import EvollmError
from problems.compression.export.packed import BITS
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


def bits_of(kind: Kind) -> Quantization | None:
    """Return how a kind quantises, if it does."""
    found = kind.quantization if isinstance(kind, Joint) else kind
    return found if isinstance(found, Quantization) else None


def check_packed(kind: Kind) -> None:
    """Check that all of a kind's levels can be packed.

    Raises:
        EvollmError: If it does not quantise, or the format lacks a width.
    """
    bits = bits_of(kind)
    if bits is None:
        raise EvollmError(
            f"checkpoint must not be packed for {kind.name}, but for quantization and joint alone: "
            "choose auto"
        )
    if set(bits.levels) - BITS:
        known = ",".join(map(str, sorted(BITS)))
        raise EvollmError(
            f"checkpoint must not be packed with levels of {', '.join(map(str, bits.levels))} "
            f"bits, as the format has none but {known}: choose such levels (--choices), or dense"
        )


def levels_for(kind: Kind, given: LevelSettings | None) -> LevelSettings:
    """Return how levels are made, with the groups that the kind counts bytes for.

    Args:
        kind: What is compressed.
        given: The settings; None for GPTQ, which shows later blocks the effect of the bits aimed
            at, or SparseGPT to prune.

    Raises:
        EvollmError: If later blocks are to see a level that there can't be.
    """
    carry = given.carry if given else None
    if isinstance(kind, Sparsity):
        if carry is not None and carry >= 1:
            raise EvollmError(f"carry must be less than 1, a share of zeros, not {carry:g}")
        return given or LevelSettings("sparsegpt")
    bits = bits_of(kind)
    if bits is None:
        return given or LevelSettings()
    if carry is not None and carry not in bits.levels:
        known = ", ".join(map(str, bits.levels))
        raise EvollmError(f"carry must be one of the levels, {known} bits, not {carry:g}")
    return replace(given or LevelSettings(carry=float(ceil(bits.bits))), group=bits.group)
