"""Policies: small networks whose weights are one flat vector."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.types import EvollmError

Activation: TypeAlias = Literal["tanh", "relu"]


@dataclass(frozen=True, slots=True)
class Network:
    """A fully connected network that takes the action of its largest output.

    A unit's incoming weights and its bias are neighbours, so that blocks of neighbouring
    coordinates are units or parts of them.

    Attributes:
        sizes: Inputs, units of each hidden layer, outputs.
        activation: Of the hidden units; the outputs are linear.
    """

    sizes: tuple[int, ...]
    activation: Activation = "tanh"

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise EvollmError(
                "a network needs inputs, outputs and at least one unit in every hidden layer, "
                f"not the sizes {list(self.sizes)}"
            )

    @property
    def length(self) -> int:
        """How many weights it has, biases included."""
        return sum((inputs + 1) * outputs for inputs, outputs in pairwise(self.sizes))

    def outputs(
        self, weights: NDArray[np.float64], observations: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the outputs for many observations at once.

        Args:
            weights: Shape ``(length,)``.
            observations: Shape ``(n, inputs)``.

        Returns:
            Shape ``(n, outputs)``.
        """
        values, start, last = observations, 0, len(self.sizes) - 2
        for layer, (inputs, outputs) in enumerate(pairwise(self.sizes)):
            end = start + (inputs + 1) * outputs
            units = weights[start:end].reshape(outputs, inputs + 1)
            values = values @ units[:, :-1].T + units[:, -1]
            if layer < last:
                values = np.tanh(values) if self.activation == "tanh" else np.maximum(values, 0.0)
            start = end
        return values

    def act(
        self, weights: NDArray[np.float64], observations: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return the action for each observation, shape ``(n,)``; of equal outputs the first."""
        actions: NDArray[np.int64] = np.argmax(self.outputs(weights, observations), axis=1)
        return actions
