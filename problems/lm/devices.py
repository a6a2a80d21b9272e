"""Where a model goes, and in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from evollm.errors import EvollmError
from problems.lm.extra import require
from problems.lm.settings import LMSettings
from problems.lm.sources import Source

if TYPE_CHECKING:
    import torch


def device_of(name: str | None) -> str:
    """Return where a model goes: a device of torch that is there, or auto.

    Raises:
        EvollmError: If the name is unknown, or there is no such device.
    """
    import torch

    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "auto":
        require("accelerate")
        return name
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise EvollmError(
            f"device '{name}' is not on this machine: give cpu, cuda, cuda:1 and the like, auto, "
            "or nothing"
        ) from None
    return name


@contextmanager
def memory_of(source: Source, device: str) -> Iterator[None]:
    """Say in one sentence that a model does not fit."""
    import torch

    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        full = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not full and "not enough memory" not in str(error):
            raise
        raise EvollmError(
            f"{source.name} does not fit in the memory of {device}: choose the dtype bfloat16, "
            "another device, or a smaller model"
        ) from None


def dtype_of(settings: LMSettings, device: str) -> torch.dtype | Literal["auto"]:
    """Return the precision of the weights; auto for what they were saved in."""
    import torch

    if settings.dtype != "auto":
        return getattr(torch, settings.dtype)  # type: ignore[no-any-return]
    return torch.float32 if device.startswith("cpu") else "auto"
