"""The context of prompts for trees: the task, the columns, and the classes, in short lines."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class TreeContext:
    """What prompts say besides the trees; a long list of columns can be shortened to fit.

    Attributes:
        task: What is to be predicted, in words; may be empty.
        columns: A line for each column, in the table's order; may be empty.
        classes: A line on the classes; empty for none.
        order: The columns' indices, the most telling first; those that it leaves out come last.
    """

    task: str = ""
    columns: tuple[str, ...] = ()
    classes: str = ""
    order: tuple[int, ...] = ()

    def text(self, shown: Collection[int] | None = None) -> str:
        """Return the lines, with some of the columns' or, for None, with all of them.

        Some of them come in the order of what they tell, so that prompts with different columns
        have a long beginning in common, which a server can keep.
        """
        order = range(len(self.columns)) if shown is None else self.ranked(())
        lines = [self.columns[i] for i in order if shown is None or i in shown]
        return "\n".join(part for part in (self.task, *lines, self.classes) if part)

    def ranked(self, first: Collection[int]) -> list[int]:
        """Return the indices of all columns: those that must be shown, then by the order."""
        known = [*sorted(first), *self.order, *range(len(self.columns))]
        return list(dict.fromkeys(known))
