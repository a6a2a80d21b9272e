"""The bytes that a layer takes at a level, with all that is needed to restore its weights."""

from evollm.errors import EvollmError
from problems.compression.layout import Level

HALF = 2
"""Bytes of a float16: of a dense or kept weight, and of a scale."""
BITS = (2, 3, 4, 5, 6, 8)
"""Widths of codes that can be built."""


def cost(rows: int, columns: int, level: Level, group: int = 0) -> int:
    """Return the bytes of a layer of ``rows`` outputs and ``columns`` inputs at a level.

    Args:
        rows: Its output features.
        columns: Its input features.
        level: Of any kind that the database has; dropped and dense ones, too.
        group: As ``bits_cost`` takes it; of other kinds it does not count.

    Raises:
        EvollmError: As ``bits_cost`` and ``zeros_cost``; or if the level is of another format.
    """
    if level.kind == "bits":
        return bits_cost(rows, columns, level.value, group)
    if level.kind == "zeros":
        return zeros_cost(rows, columns, level.value)
    if level.kind == "drop":
        return 0
    if level.kind == "dense":
        return dense_cost(rows, columns)
    raise EvollmError(f"a level database has no levels such as {level}: name bits or zeros")


def dense_cost(rows: int, columns: int) -> int:
    """Return the bytes of unchanged weights, 2 each."""
    return HALF * rows * columns


def bits_cost(rows: int, columns: int, bits: int, group: int = 0) -> int:
    """Return the bytes of quantised weights.

    Args:
        rows: Output features.
        columns: Input features.
        bits: Of each code.
        group: Number of neighbouring weights of a row that share a scale, a float16, and a zero
            point of ``bits`` bits; 0 for the whole row.

    Returns:
        The bytes of the codes, the scales and the zero points, each packed and rounded up.

    Raises:
        EvollmError: If there are no such codes, or the groups do not divide a row.
    """
    if bits not in BITS:
        known = ", ".join(map(str, BITS))
        raise EvollmError(f"bits must be one of {known}, not {bits}")
    count = rows * groups_of(columns, group)
    return _bytes(rows * columns * bits) + HALF * count + _bytes(count * bits)


def zeros_cost(rows: int, columns: int, zeros: int) -> int:
    """Return the bytes of pruned weights: 2 for each that is kept, and a bit for each at all.

    Args:
        rows: Output features.
        columns: Input features.
        zeros: Number of weights that are not kept.

    Raises:
        EvollmError: If there are not so many weights.
    """
    size = rows * columns
    if not 0 <= zeros <= size:
        raise EvollmError(f"zeros must be 0 to {size} in a layer of {size} weights, not {zeros}")
    return HALF * (size - zeros) + _bytes(size)


def groups_of(columns: int, group: int, name: str = "a layer") -> int:
    """Return the number of groups in a row.

    Args:
        columns: Number of weights in a row.
        group: Size of each group; 0 for the whole row.
        name: Of the layer, for the error.

    Raises:
        EvollmError: If the groups do not divide the row.
    """
    if group < 0 or (group and columns % group):
        raise EvollmError(
            f"group must divide the {columns} inputs of {name}, which {group} does not: "
            f"choose {_near(columns, group)}, or 0 for whole rows"
        )
    return columns // group if group else 1


def _near(columns: int, group: int) -> int:
    """Return the divisor that is nearest to a size."""
    divisors = [size for size in range(1, columns + 1) if columns % size == 0]
    return min(divisors, key=lambda size: abs(size - group))


def _bytes(bits: int) -> int:
    return -(-bits // 8)
