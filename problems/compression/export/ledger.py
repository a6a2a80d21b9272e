"""The bytes of an export: what the budget counted, and what the files hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evollm.report.page import Table
from problems.compression.layout import Genome, Layout, Unit

Stored = Mapping[tuple[int, str], int]
"""Bytes in a file by block and linear layer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The bytes of one unit.

    Attributes:
        block: Its block in the whole model.
        name: Of the unit.
        level: The level that was chosen.
        counted: Bytes by the layout; 0 if it was dropped.
        checkpoint: Bytes of its weights in the checkpoint's files.
        codes: Bytes in the file of codes; 0 if there is none.
    """

    block: int
    name: str
    level: str
    counted: int
    checkpoint: int
    codes: int = 0


@dataclass(frozen=True)
class Ledger:
    """The bytes of all units and of the rest.

    Attributes:
        entries: In the order of the genome.
        fixed: Bytes of what is in no unit, as the layout counts them.
        rest: Bytes of all other tensors in the checkpoint's files.
    """

    entries: tuple[Entry, ...]
    fixed: int
    rest: int

    @property
    def counted(self) -> int:
        """Bytes by the layout: those of the genome and what is fixed."""
        return self.fixed + sum(entry.counted for entry in self.entries)

    @property
    def checkpoint(self) -> int:
        """Bytes of all tensors in the checkpoint's files."""
        return self.rest + sum(entry.checkpoint for entry in self.entries)

    @property
    def codes(self) -> int:
        """Bytes of all tensors in the file of codes."""
        return sum(entry.codes for entry in self.entries)

    def to_json(self) -> dict[str, Any]:
        """Return the ledger as JSON."""
        fields = Entry.__slots__
        return {
            "counted": self.counted,
            "checkpoint": self.checkpoint,
            "codes": self.codes,
            "fixed": self.fixed,
            "rest": self.rest,
            "units": [{key: getattr(entry, key) for key in fields} for entry in self.entries],
        }

    def table(self) -> Table:
        """Return the ledger as a table that ends with the rest and the sums."""
        rows: list[list[object]] = [
            [entry.block, entry.name, entry.level, entry.counted, entry.checkpoint, entry.codes]
            for entry in self.entries
        ]
        rows.append([None, "everything else", None, self.fixed, self.rest, 0])
        rows.append([None, "sum", None, self.counted, self.checkpoint, self.codes])
        return Table(
            ("block", "unit", "level", "bytes counted", "bytes in checkpoint", "bytes of codes"),
            rows,
            "Bytes",
        )


def ledger(
    layout: Layout, genome: Genome, checkpoint: Stored, total: int, codes: Stored | None = None
) -> Ledger:
    """Return the bytes of an export.

    The weights of a linear layer that is no unit count to the unit of its sublayer.

    Args:
        layout: The units.
        genome: The levels that were chosen.
        checkpoint: Bytes of the weights of linear layers in the checkpoint's files.
        total: Bytes of all tensors there.
        codes: Bytes of their codes; None if there are none.
    """
    dropped = layout.dropped(genome)
    owned = _owned(layout, checkpoint)
    entries = tuple(
        Entry(
            unit.block,
            unit.name,
            str(level) if not gone else "drop",
            0 if gone else unit.costs[place],
            owned.get(index, 0),
            (codes or {}).get((unit.block, unit.name), 0),
        )
        for index, (unit, level, place, gone) in enumerate(
            zip(layout.units, layout.levels(genome), genome, dropped, strict=True)
        )
    )
    return Ledger(entries, layout.fixed, total - sum(owned.values()))


def _owned(layout: Layout, stored: Stored) -> dict[int, int]:
    """Return the bytes by the place of the unit that they count to."""
    linear = {(unit.block, unit.name): i for i, unit in enumerate(layout.units) if unit.linear}
    found: dict[int, int] = {}
    for (block, name), bytes_ in stored.items():
        place = linear.get((block, name))
        if place is None:
            place = _sublayer(layout.units, block, name)
        if place is not None:
            found[place] = found.get(place, 0) + bytes_
    return found


def _sublayer(units: tuple[Unit, ...], block: int, name: str) -> int | None:
    part = "attention" if "attn" in name else "mlp"
    for place, unit in enumerate(units):
        if unit.block == block and not unit.linear and unit.part in (part, "block"):
            return place
    return None
