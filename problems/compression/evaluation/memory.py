"""How much is computed together, by the memory that is free."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from evollm.errors import EvollmError
from problems.lm.blocks import Blocks

if TYPE_CHECKING:
    import torch

HERE, ELSEWHERE = 128, 4096
"""Tokens of a batch on a CPU, and on other devices."""
TOGETHER = 8
"""Candidates that go through a block side by side, so that its weights are read once."""
SHARE = 0.3
"""Of the free memory, for what is computed; the rest is for weights.

A model of 7B in half precision has 13 GB of these. They must fit on a card of 24 GB, or they are
read again for each candidate.
"""


def free(device: torch.device) -> int:
    """Return the free bytes of a device."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text("utf-8"))
    except OSError:
        found = None
    if found:
        return 1024 * int(found[1])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def weight_bytes(device: torch.device) -> int:
    """Return how many bytes of weights are held at most."""
    return int((1 - SHARE) * free(device))


def bytes_per_token(blocks: Blocks) -> int:
    """Return about how many bytes scoring takes per token of a batch.

    That is what is computed within a block for the candidates side by side, and the logits of a
    candidate and of the teacher with what is derived from them.
    """
    lm = blocks.lm
    inner = sum(max(linear.shape) for linear in blocks.linears[0])
    return int(lm.dtype.itemsize) * TOGETHER * 2 * inner + 4 * 4 * lm.vocabulary


def states_held(blocks: Blocks, tokens: int) -> int:
    """Return of how many candidates a hidden state is held at a time.

    Args:
        blocks: The model's.
        tokens: Of a state.
    """
    width = int(blocks.lm.model.get_input_embeddings().weight.shape[1])
    size = 3 * tokens * width * int(blocks.lm.dtype.itemsize)  # before and behind a block, and cat
    return max(1, int(SHARE / 2 * free(blocks.lm.device)) // size)


def batch_tokens(blocks: Blocks) -> int:
    """Return how many tokens are computed together.

    Raises:
        EvollmError: If the memory does not even suffice for 16.
    """
    device = blocks.lm.device
    most = int(SHARE / 2 * free(device)) // bytes_per_token(blocks)
    if most < 16:
        raise EvollmError(
            f"{blocks.lm.name} leaves too little of the memory of {device} to score candidates: "
            "choose another device, a smaller dtype, or a smaller model"
        )
    return min(most, HERE if device.type == "cpu" else ELSEWHERE)
