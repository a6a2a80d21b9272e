"""Kullback-Leibler divergence and likelihood by position, over the full vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Metric = Literal["kl", "perplexity"]
"""What candidates are compared by: the divergence from the whole model, or the likelihood."""


def divergences(teacher: Tensor, logits: Tensor) -> Tensor:
    """Return the divergence of a candidate's distribution from the teacher's, by position.

    Args:
        teacher: Log-probabilities in single precision, of shape ``(..., vocabulary)``.
        logits: The candidate's.

    Returns:
        In nats, of shape ``(...)``.
    """
    own = logits.float().log_softmax(-1)
    return (teacher.exp() * (teacher - own)).sum(-1)


def surprises(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the negative log-likelihood of the tokens that follow, by position."""
    found = logits.float()
    right = found.gather(-1, targets[..., None])[..., 0]
    return found.logsumexp(-1) - right
