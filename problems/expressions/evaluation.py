"""Evaluation of expressions on rows: whole columns at a time, without protection."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evollm.errors import EvollmError
from operators.expressions.functions import FUNCTIONS
from operators.expressions.genome import Node

Columns: TypeAlias = Mapping[str, NDArray[np.float64]]
"""The values of each variable, by name."""
_UNARY = {name: one.compute for name, one in FUNCTIONS.items() if one.arity == 1}
_BINARY = {name: one.compute for name, one in FUNCTIONS.items() if one.arity == 2}


def columns(X: ArrayLike, variables: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return the columns of a table by the variables' names, each contiguous.

    Args:
        X: Shape ``(rows, variables)``.
        variables: The names.

    Raises:
        EvollmError: If there is not one column per variable.
    """
    table = np.asarray(X, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(variables):
        raise EvollmError(
            f"expressions of {len(variables)} variables need as many columns, not an array of "
            f"shape {table.shape}"
        )
    return dict(zip(variables, np.ascontiguousarray(table.T), strict=True))


def compute(nodes: Sequence[Node], values: Columns) -> Any:
    """Return an expression's value per row; a lone number if it has no variables.

    Values may be infinite or NaN, where a function is not defined. Wrap calls in
    ``np.errstate(all="ignore")``.

    Args:
        nodes: The expression's nodes.
        values: The values of its variables.
    """
    stack: list[Any] = []
    push, pop = stack.append, stack.pop
    for node in reversed(nodes):
        if type(node) is not str:
            push(node[1])
        elif node in _BINARY:
            push(_BINARY[node](pop(), pop()))
        elif node in _UNARY:
            push(_UNARY[node](pop()))
        else:
            push(values[node])
    return pop()


def cause(nodes: Sequence[Node], values: Columns) -> str:
    """Return which function made the first value that is not finite; empty if all are finite."""
    stack: list[Any] = []
    with np.errstate(all="ignore"):
        for node in reversed(nodes):
            known = FUNCTIONS.get(node) if isinstance(node, str) else None
            if known is None:
                stack.append(node[1] if not isinstance(node, str) else values[node])
                continue
            stack.append(known.compute(*(stack.pop() for _ in range(known.arity))))
            if not np.isfinite(stack[-1]).all():
                return str(node)
    return ""


def predict(
    nodes: Sequence[Node], values: Columns, rows: int, scale: tuple[float, float] = (0.0, 1.0)
) -> NDArray[np.float64]:
    """Return ``a + b * expression`` for every row; NaN where it is not finite.

    Args:
        nodes: The expression's nodes.
        values: The values of its variables.
        rows: Number of rows.
        scale: The numbers ``a`` and ``b``.
    """
    with np.errstate(all="ignore"):
        found = scale[0] + scale[1] * np.asarray(compute(nodes, values), dtype=np.float64)
    filled = np.array(np.broadcast_to(found, (rows,)))
    filled[~np.isfinite(filled)] = np.nan
    return filled
