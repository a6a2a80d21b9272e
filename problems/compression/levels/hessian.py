"""Second moments of the inputs of layers, from which the error of changed weights follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evollm.errors import EvollmError

if TYPE_CHECKING:
    from torch import Tensor

RETRIES = 6
"""How often the damping is multiplied by 10 before a matrix is given up."""


class Inputs:
    """What flows into layers, each distinct input summed once.

    Layers that are given the same tensor share an input, whatever they are called.

    Args:
        layers: Modules by name.
    """

    def __init__(self, layers: Mapping[str, Any]) -> None:
        self.layers = layers
        self.leader: dict[str, str] = {}
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._seen: list[tuple[Tensor, str]] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Add up what the layers are given during a ``with`` block: one pass."""
        hooks = [
            layer.register_forward_pre_hook(self._hook(name)) for name, layer in self.layers.items()
        ]
        try:
            yield
        finally:
            self._seen.clear()
            for hook in hooks:
                hook.remove()

    def shared(self) -> list[tuple[tuple[str, ...], Tensor]]:
        """Return the layers of each input with its moments: the mean of x xᵀ, in float32."""
        found: dict[str, list[str]] = {}
        for name, leader in self.leader.items():
            found.setdefault(leader, []).append(name)
        return [
            (tuple(names), self._sums[leader] / self._counts[leader])
            for leader, names in found.items()
        ]

    def _hook(self, name: str) -> Any:
        def hook(_: Any, arguments: tuple[Tensor, ...]) -> None:
            given = arguments[0]
            known = (leader for seen, leader in self._seen if seen is given)
            if (leader := next(known, None)) is None:
                self._seen.append((given, leader := name))
                self._add(name, given)
            self.leader[name] = leader

        return hook

    def _add(self, name: str, given: Tensor) -> None:
        rows = given.detach().flatten(0, -2).float()
        if name not in self._sums:
            self._sums[name] = rows.new_zeros(rows.shape[1], rows.shape[1])
            self._counts[name] = 0
        self._sums[name].addmm_(rows.T, rows)
        self._counts[name] += len(rows)


@dataclass(frozen=True, eq=False)
class Factor:
    """The inverse of a damped matrix of moments as a product, in the order of its columns.

    Attributes:
        lower: A triangle L of shape ``(columns, columns)``; the inverse is L Lᵀ.
        order: Which column comes when.
        dead: Whether a column's input is always 0.
    """

    lower: Tensor
    order: Tensor
    dead: Tensor


def factor(moments: Tensor, damping: float, ordered: bool = False) -> Factor:
    """Factor the inverse of a matrix of moments.

    Args:
        moments: Of shape ``(columns, columns)``.
        damping: What is added to the diagonal, as a share of its mean.
        ordered: Whether the columns with the largest moments come first.

    Raises:
        EvollmError: If it can't be inverted, whatever the damping.
    """
    import torch

    squares = moments.diagonal()
    dead = squares <= 0
    order = torch.arange(len(squares), device=squares.device)
    if ordered:
        order = squares.argsort(descending=True, stable=True)
    matrix = moments[order][:, order] + torch.diag(dead[order].float())
    share = damping * float(squares.mean())
    for _ in range(RETRIES):
        damped = matrix + share * torch.eye(len(matrix)).to(matrix)
        found, failed = torch.linalg.cholesky_ex(damped.flip(0, 1))
        if not failed and bool(torch.isfinite(found).all()):
            return Factor(_inverse(found.flip(0, 1)), order, dead)
        share = max(10 * share, 1e-6)
    raise EvollmError(
        "the inputs of a layer are not finite numbers, or depend on each other too closely: "
        "use more calibration text, float32, or more damping"
    )


def _inverse(upper: Tensor) -> Tensor:
    """Return, of R with R Rᵀ the damped matrix, the transposed inverse."""
    import torch

    unit = torch.eye(len(upper)).to(upper)
    inverse: Tensor = torch.linalg.solve_triangular(upper, unit, upper=True)
    return inverse.T.contiguous()


def error(weights: Tensor, changed: Tensor, moments: Tensor) -> float:
    """Return the mean squared error of a layer's outputs, relative to their mean square.

    It is tr(ΔHΔᵀ) / tr(WHWᵀ) of the weights W, their change Δ and the moments H; 0 if the outputs
    are all 0.

    Args:
        weights: Of shape ``(rows, columns)``, in float32.
        changed: What replaces them.
        moments: Of shape ``(columns, columns)``.
    """
    whole = _energy(weights, moments)
    return _energy(weights - changed, moments) / whole if whole > 0 else 0.0


def _energy(weights: Tensor, moments: Tensor) -> float:
    import torch

    return float(((weights @ moments) * weights).sum(dtype=torch.float64))
