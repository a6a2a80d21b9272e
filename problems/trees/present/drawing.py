"""Drawing: draws a tree to a file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError
from evollm.paths import anchored
from evollm.report.plots import figure, saved
from operators.trees.columns import Columns
from operators.trees.genome import Leaf, Split, Tree, depth, leaves
from operators.trees.line import number, printable, shortest
from problems.trees.present.export import listed

KINDS = (".png", ".svg", ".pdf")
WIDEST = 256
"""Maximum number of leaves of a drawing, which limits its width in pixels."""
PALETTE = ("#dbe9f6", "#fde3cf", "#dcefd8", "#f3dcea", "#fff3c4", "#e4e0f3")


def draw(tree: Tree, file: str | Path, columns: Columns, title: str = "") -> Path:
    """Draw a tree: tests with yes on the left and no on the right, and leaves.

    Args:
        tree: Any tree over the columns.
        file: The file to write: ``.png``, ``.svg`` or ``.pdf``.
        columns: Names, units and labels.
        title: Title above the drawing.

    Returns:
        The file.

    Raises:
        EvollmError: If the suffix is another one, the folder or matplotlib is missing, or the tree
            has more than 256 leaves.
    """
    path = anchored(file)
    if path.suffix not in KINDS:
        raise EvollmError(
            f"the file of a drawing must end in {', '.join(KINDS)}, unlike '{path.name}'"
        )
    if not path.parent.is_dir():
        raise EvollmError(f"there is no folder '{path.parent}' for the drawing: create it first")
    if (count := len(leaves(tree))) > WIDEST:
        raise EvollmError(
            f"a tree of {count} leaves is too wide to draw: draw one with at most {WIDEST}"
        )
    width, height = max(4.0, 1.5 * count), 1.2 + 1.1 * depth(tree)
    drawn = figure(width, height)
    axes = drawn.add_subplot()
    axes.set_axis_off()
    axes.set_title(printable(title), parse_math=False)
    axes.set_xlim(-0.6, len(leaves(tree)) - 0.4)
    axes.set_ylim(-depth(tree) - 0.4, 0.4)
    for box in _placed(tree, 0, 0)[1]:
        _put(axes, box, columns)
    return saved(drawn, path)


def _placed(tree: Tree, first: int, level: int) -> tuple[float, list[Any]]:
    """Return a tree's horizontal position, and every node with position, level and branches."""
    if isinstance(tree, Leaf):
        return float(first), [(tree, float(first), level, ())]
    left, below = _placed(tree.left, first, level + 1)
    right, more = _placed(tree.right, first + len(leaves(tree.left)), level + 1)
    middle = (left + right) / 2
    return middle, [(tree, middle, level, (left, right)), *below, *more]


def _put(axes: Any, box: tuple[Tree, float, int, tuple[float, ...]], columns: Columns) -> None:
    """Draw a node and the lines to its branches."""
    node, x, level, branches = box
    for place, word in zip(branches, ("yes", "no"), strict=False):
        axes.plot([x, place], [-level, -level - 1], color="#888888", linewidth=1, zorder=1)
        axes.text(
            (x + place) / 2, -level - 0.5, word, size=8, ha="center", va="center", color="#555555"
        )
    colour = "white"
    if isinstance(node, Leaf):
        colour = PALETTE[int(node.value) % len(PALETTE)] if columns.classes else PALETTE[0]
    frame = {"boxstyle": "round,pad=0.4", "facecolor": colour, "edgecolor": "#444444"}
    text = "\n".join(_words(node, columns))
    axes.text(
        x, -level, text, size=9, ha="center", va="center", bbox=frame, zorder=2, parse_math=False
    )


def _words(node: Tree, columns: Columns) -> Iterator[str]:
    """Yield the lines of a node's box."""
    if isinstance(node, Leaf):
        label = columns.classes[int(node.value)] if columns.classes else number(node.value)
        yield printable(label)
        return
    column = columns.columns[node.feature]
    yield printable(column.name)
    yield _test(node, columns)
    if node.missing_left:
        yield "or missing"


def _test(split: Split, columns: Columns) -> str:
    column = columns.columns[split.feature]
    if split.categories:
        return f"in {', '.join(listed(column.categories[code] for code in split.categories))}"
    return f"≤ {shortest(split.threshold)} {printable(column.unit)}".rstrip()
