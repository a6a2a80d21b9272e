"""The context of prompts for trees: the task, the columns, and the classes, in short lines."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class TreeContext:
    """The text of prompts besides the trees; a long list of columns can be shortened to fit.

    Attributes:
        task: Description of what is predicted; may be empty.
        columns: A line for each column, in the table's order; may be empty.
        classes: A line on the classes; empty for none.
        order: The columns' indices, the most informative first; missing ones come last.
        hints: Trees of one split with their scores; may be empty.
    """

    task: str = ""
    columns: tuple[str, ...] = ()
    classes: str = ""
    order: tuple[int, ...] = ()
    hints: tuple[str, ...] = ()

    def text(self, shown: Collection[int] | None = None) -> str:
        """Return the lines, with those of some columns or, for None, of all.

        Some columns are listed by how informative they are, so that prompts with different columns
        have a long common prefix, which a server can cache.
        """
        order = range(len(self.columns)) if shown is None else self.ranked(())
        lines = [self.columns[i] for i in order if shown is None or i in shown]
        hints = ("The best single questions:", *self.hints) if self.hints else ()
        return "\n".join(part for part in (self.task, *lines, self.classes, *hints) if part)

    def ranked(self, first: Collection[int]) -> list[int]:
        """Return the indices of all columns, those that must be shown first."""
        known = [*sorted(first), *self.order, *range(len(self.columns))]
        return list(dict.fromkeys(known))
