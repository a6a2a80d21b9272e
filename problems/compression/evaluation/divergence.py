"""Kullback-Leibler divergence and likelihood by position, over the full vocabulary.

The divergence of a candidate's distribution q from the teacher's p is, with logits z = W h,

    sum p log p - sum p log q = E (h_p - h_q) - log Z_p + log Z_q,  where  E = sum p W.

E has the width of a hidden state and is computed once. So a candidate costs one product with the
output matrix W, whose result is summed up while it is in the processor's cache: log Z_q. That holds
for a model whose logits are such a product, in single precision. For others, logits take the place
of the states, and the teacher's probabilities that of E.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from problems.lm.blocks import Blocks

if TYPE_CHECKING:
    from torch import Tensor

Metric = Literal["kl", "perplexity"]
"""What candidates are compared by: the divergence from the whole model, or the likelihood."""
Reference: TypeAlias = "tuple[Tensor, Tensor]"
"""By position: what is multiplied with a candidate's states or logits, and what is added."""
HERE, ELSEWHERE = 2048, 1 << 16
"""Columns of logits that a CPU's cache takes for some hundred positions, and other devices."""
LOGITS = 1 << 27
"""Most logits that are written out at a time."""
POSITIONS, WRITTEN = 1024, 256
"""Whose logits are summed up at a time, and whose distributions of the teacher are written out."""


class Head(Protocol):
    """What tells distributions over the vocabulary from final normed states."""

    def kept(self, states: Tensor) -> Tensor:
        """Return what is kept of the teacher's states, of the same shape but for the last axis."""

    def reference(self, kept: Tensor) -> Reference:
        """Return what all candidates are compared with, from what was kept, by position."""

    def values(
        self,
        states: Tensor,
        reference: Reference | None,
        targets: Tensor,
        metrics: Sequence[Metric],
    ) -> list[Tensor]:
        """Compare candidates' states, by position.

        Args:
            states: Final normed states of shape ``(candidates, positions, width)``.
            reference: Of the same positions; None if no metric needs it.
            targets: Ids of the tokens that follow, of shape ``(positions,)``.
            metrics: Which values are wanted.

        Returns:
            For each metric, in nats, the divergence or the negative log-likelihood, of shape
            ``(candidates, positions)``.
        """


def head_of(blocks: Blocks) -> Head:
    """Return the faster head that is right for a model: shown by a trial."""
    import torch

    matrix = blocks.lm.model.get_output_embeddings()
    if not isinstance(matrix, torch.nn.Linear) or blocks.lm.dtype != torch.float32:
        return WrittenHead(blocks)
    width = matrix.weight.shape[1]
    trial = torch.linspace(-9, 9, 3 * width, device=blocks.lm.device).reshape(1, 3, width)
    with torch.inference_mode():
        alike = torch.allclose(blocks.head(trial), matrix(trial), rtol=1e-4, atol=1e-4)
    return LinearHead(matrix) if alike else WrittenHead(blocks)


class LinearHead:
    """A head that multiplies by a matrix and adds a bias, and does no more.

    Args:
        matrix: A ``torch.nn.Linear`` in single precision.
        columns: Of logits that are held at a time; None for what suits the device.
    """

    def __init__(self, matrix: Any, columns: int | None = None) -> None:
        self.weight, self.bias = matrix.weight.detach(), matrix.bias
        self.columns = columns or (HERE if self.weight.device.type == "cpu" else ELSEWHERE)

    def kept(self, states: Tensor) -> Tensor:
        """Return the expected row of the matrix, and E h - log Z behind it."""
        import torch

        parts = torch.split(states.flatten(0, -2), WRITTEN)
        return torch.cat([self._expected(part) for part in parts]).view(*states.shape[:-1], -1)

    def _expected(self, states: Tensor) -> Tensor:
        import torch

        logits = torch.nn.functional.linear(states, self.weight, self.bias)
        normalisers = logits.logsumexp(1, keepdim=True)
        expected = logits.sub_(normalisers).exp_() @ self.weight
        return torch.cat([expected, (expected * states).sum(1, keepdim=True) - normalisers], 1)

    def reference(self, kept: Tensor) -> Reference:
        """Return what was kept: a candidate needs no more."""
        return kept[:, :-1], kept[:, -1]

    def values(
        self,
        states: Tensor,
        reference: Reference | None,
        targets: Tensor,
        metrics: Sequence[Metric],
    ) -> list[Tensor]:
        """See ``Head``."""
        import torch

        parts = torch.split(states.flatten(0, 1), POSITIONS)
        normalisers = torch.cat([self.normalisers(part) for part in parts]).view(states.shape[:-1])
        found = []
        for metric in metrics:
            if metric == "kl":
                assert reference is not None
                expected, constant = reference
                found.append(constant - (expected * states).sum(2) + normalisers)
            else:
                right = (self.weight[targets] * states).sum(2)
                right = right if self.bias is None else right + self.bias[targets]
                found.append(normalisers - right)
        return found

    def normalisers(self, states: Tensor) -> Tensor:
        """Return the logarithms of the sums of the exponentials of the logits."""
        import torch

        count, rows = len(states), len(self.weight)
        buffer = states.new_empty(count * min(self.columns, rows))
        highest = states.new_full((count, 1), -torch.inf)
        total = states.new_zeros(count)
        for start in range(0, rows, self.columns):
            part = self.weight[start : start + self.columns]
            logits = torch.mm(states, part.T, out=buffer[: count * len(part)].view(count, -1))
            if self.bias is not None:
                logits += self.bias[start : start + self.columns]
            higher = torch.maximum(highest, logits.amax(1, keepdim=True))
            total *= (highest - higher).exp_()[:, 0]
            total += logits.sub_(higher).exp_().sum(1)
            highest = higher
        return total.log_() + highest[:, 0]


class WrittenHead:
    """Any head: both distributions are written out in single precision.

    Args:
        blocks: The model's, with its head.
    """

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self.positions = max(1, LOGITS // blocks.lm.vocabulary)

    def kept(self, states: Tensor) -> Tensor:
        """Return the states, from which the distributions are computed anew."""
        return states

    def reference(self, kept: Tensor) -> Reference:
        """Return the probabilities, and the negative entropies."""
        import torch

        probabilities = kept.new_empty((len(kept), self.blocks.lm.vocabulary), dtype=torch.float32)
        constant = []
        for here in self._parts(kept):
            logs = self._logits(kept[here])
            logs -= logs.logsumexp(1, keepdim=True)  # more exact than torch's log_softmax on a CPU
            torch.exp(logs, out=probabilities[here])
            constant.append(torch.linalg.vecdot(probabilities[here], logs))
        return probabilities, torch.cat(constant)

    def values(
        self,
        states: Tensor,
        reference: Reference | None,
        targets: Tensor,
        metrics: Sequence[Metric],
    ) -> list[Tensor]:
        """See ``Head``."""
        import torch

        each = [self._values(one, reference, targets, metrics) for one in states]
        return [torch.stack(rows) for rows in zip(*each, strict=True)]

    def _values(
        self,
        states: Tensor,
        reference: Reference | None,
        targets: Tensor,
        metrics: Sequence[Metric],
    ) -> list[Tensor]:
        """Return the values of a candidate, some positions at a time."""
        import torch

        found: list[list[Tensor]] = [[] for _ in metrics]
        for here in self._parts(states):
            logits = self._logits(states[here])
            normalisers = logits.logsumexp(1)
            for metric, parts in zip(metrics, found, strict=True):
                if metric == "kl":
                    assert reference is not None
                    expected = torch.linalg.vecdot(reference[0][here], logits)
                    parts.append(reference[1][here] - expected + normalisers)
                else:
                    parts.append(normalisers - logits.gather(1, targets[here, None])[:, 0])
        return [torch.cat(parts) for parts in found]

    def _parts(self, states: Tensor) -> list[slice]:
        starts = range(0, len(states), self.positions)
        return [slice(start, start + self.positions) for start in starts]

    def _logits(self, states: Tensor) -> Tensor:
        return self.blocks.head(states[None])[0].float()
