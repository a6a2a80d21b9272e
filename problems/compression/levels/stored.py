"""A layer's weights at a level, as they are kept in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from problems.compression.layout import Level
from problems.compression.levels.packing import pack, unpack

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Codes:
    """Quantised weights: a weight is its scale times the distance of its code from the zero point.

    Attributes:
        bits: Of each code and zero point.
        shape: Of the weights: output and input features.
        codes: Packed row by row, as ``packing`` has it.
        scales: float16 of shape ``(rows, groups)``.
        zeros: Zero points, packed in the same order.
    """

    bits: int
    shape: tuple[int, int]
    codes: Tensor
    scales: Tensor
    zeros: Tensor

    @property
    def group(self) -> int:
        """Number of neighbouring weights that share a scale."""
        return self.shape[1] // self.scales.shape[1]

    def integers(self) -> Tensor:
        """Return the codes of shape ``(rows, columns)``, of type uint8."""
        return unpack(self.codes, self.bits, self.shape)

    def points(self) -> Tensor:
        """Return the zero points of shape ``(rows, groups)``, of type uint8."""
        return unpack(self.zeros, self.bits, tuple(self.scales.shape))

    def weights(self, dtype: torch.dtype) -> Tensor:
        """Return the weights as a matrix."""
        grouped = self.integers().view(*self.scales.shape, self.group).float()
        centred = grouped - self.points()[:, :, None]
        return (centred * self.scales.float()[:, :, None]).view(self.shape).to(dtype)

    def tensors(self) -> dict[str, Tensor]:
        """Return what is kept, by name."""
        return {"codes": self.codes, "scales": self.scales, "zeros": self.zeros}


@dataclass(frozen=True, eq=False)
class Pruned:
    """Weights of which some are zero.

    Attributes:
        shape: Of the weights: output and input features.
        mask: A bit for each weight, 1 if it is kept; packed.
        values: Those that are kept, row by row, of 2 bytes each.
    """

    shape: tuple[int, int]
    mask: Tensor
    values: Tensor

    def weights(self, dtype: torch.dtype) -> Tensor:
        """Return the weights as a matrix."""
        import torch

        kept = unpack(self.mask, 1, self.shape)
        if not len(self.values):
            return torch.zeros(self.shape, dtype=dtype, device=self.values.device)
        places = kept.flatten().cumsum(0, dtype=torch.int32) - 1  # faster than an index of bools
        values = self.values.to(dtype).index_select(0, places.clamp_(min=0))
        return values.view(self.shape).masked_fill_(kept == 0, 0.0)

    def tensors(self) -> dict[str, Tensor]:
        """Return what is kept, by name."""
        return {"mask": self.mask, "values": self.values}


Stored: TypeAlias = Codes | Pruned


def coded(codes: Tensor, scales: Tensor, points: Tensor, bits: int) -> Codes:
    """Pack codes of shape ``(rows, columns)`` with scales and points of ``(rows, groups)``."""
    import torch

    rows, columns = codes.shape
    half = scales.to(torch.float16).contiguous()
    return Codes(bits, (rows, columns), pack(codes, bits), half, pack(points, bits))


def pruned(weights: Tensor, kept: Tensor, dtype: torch.dtype) -> Pruned:
    """Pack those weights that a mask of the same shape keeps.

    Args:
        weights: Of shape ``(rows, columns)``.
        kept: Whether each is kept.
        dtype: Of the model; its values are kept in float16 unless it has 2 bytes itself.
    """
    import torch

    rows, columns = weights.shape
    half = dtype if dtype.itemsize == 2 else torch.float16
    return Pruned((rows, columns), pack(kept, 1), weights[kept].to(half))


def restored(level: Level, shape: tuple[int, int], tensors: Mapping[str, Tensor]) -> Stored:
    """Return a level's weights from what ``tensors`` of it returned."""
    if level.kind == "bits":
        return Codes(level.value, shape, **tensors)
    return Pruned(shape, **tensors)
