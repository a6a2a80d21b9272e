"""The units of a model whose compression is chosen, and the bytes that each choice takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError

Genome: TypeAlias = NDArray[np.int64]
"""Of each unit the place of its level among ``Unit.levels``."""
LevelKind = Literal["drop", "dense", "bits", "zeros", "gguf"]
Rule = Literal["size", "name", "none"]
SUBLAYERS = ("attention", "mlp", "block")
"""Names of units that are dropped or kept as a whole; all others are linear layers."""
GGUF_TYPES = {2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0"}
"""Types of a GGUF file that levels can be, by their numbers in that format."""


@dataclass(frozen=True, slots=True)
class Level:
    """One version of a unit.

    Attributes:
        kind: Dropped, unchanged, quantised, pruned, or of a type of GGUF files.
        value: Bits per weight of ``bits``; the number of weights that are zero of ``zeros``; of
            ``gguf`` the number of the type.
    """

    kind: LevelKind
    value: int = 0

    def __str__(self) -> str:
        if self.kind == "gguf":
            return GGUF_TYPES[self.value]
        return f"{self.value} {self.kind}" if self.kind in ("bits", "zeros") else self.kind


DROP, DENSE = Level("drop"), Level("dense")


@dataclass(frozen=True, slots=True)
class Unit:
    """A linear layer, a sublayer or a block, of which one level is chosen.

    Attributes:
        block: Index of its block.
        name: Of a linear layer within the block, such as ``self_attn.q_proj``; or ``attention``,
            ``mlp`` or ``block``.
        part: The sublayer that it is in: ``attention``, ``mlp``, or ``block`` for both.
        size: Number of its weights.
        levels: What can be chosen, by rising bytes.
        costs: Bytes of each level with all that it needs, such as scales; rising. Of a sublayer
            whose linear layers are units, too, the bytes are counted there, and these are 0.
    """

    block: int
    name: str
    part: str
    size: int
    levels: tuple[Level, ...]
    costs: tuple[int, ...]

    @property
    def linear(self) -> bool:
        """Whether it is a linear layer."""
        return self.name not in SUBLAYERS

    def __str__(self) -> str:
        return f"block {self.block} {self.name}"


@dataclass(frozen=True)
class Layout:
    """All units of a model.

    Attributes:
        units: In the order of the genome: by block, and within a block as the model runs them.
        blocks: Number of blocks.
        fixed: Bytes of what is in no unit: embeddings, head, norms.

    Raises:
        EvollmError: If there are no units.
    """

    units: tuple[Unit, ...]
    blocks: int
    fixed: int = 0

    def __post_init__(self) -> None:
        if not self.units:
            raise EvollmError("there is nothing to compress: name at least one part of the model")

    def __len__(self) -> int:
        return len(self.units)

    @cached_property
    def tops(self) -> Genome:
        """The highest level of each unit."""
        return np.array([len(unit.levels) - 1 for unit in self.units], np.int64)

    @cached_property
    def table(self) -> NDArray[np.int64]:
        """Bytes by unit and level; past the last level its bytes again."""
        most = int(self.tops.max()) + 1
        rows = [[*u.costs, *[u.costs[-1]] * (most - len(u.costs))] for u in self.units]
        return np.array(rows, np.int64)

    @cached_property
    def owner(self) -> Genome:
        """Of each unit the unit of its sublayer, with which it is dropped; -1 if there is none."""
        found = {
            (unit.block, unit.part): place
            for place, unit in enumerate(self.units)
            if not unit.linear
        }
        whole = [found.get((unit.block, "block"), -1) for unit in self.units]
        return np.array(
            [
                found.get((unit.block, unit.part), all_of_it) if unit.linear else -1
                for unit, all_of_it in zip(self.units, whole, strict=True)
            ],
            np.int64,
        )

    def dropped(self, genome: Genome) -> NDArray[np.bool_]:
        """Return for each unit whether it is dropped, by itself or with its sublayer."""
        own = np.array(
            [
                unit.levels[level].kind == "drop"
                for unit, level in zip(self.units, genome, strict=True)
            ]
        )
        return own | np.where(self.owner >= 0, own[self.owner], False)

    def cost(self, genome: Genome) -> int:
        """Return the bytes of all units; those of dropped ones are 0."""
        bytes_ = self.table[np.arange(len(self.units)), genome]
        return int(bytes_[~self.dropped(genome)].sum())

    def levels(self, genome: Genome) -> list[Level]:
        """Return the level of each unit."""
        return [unit.levels[level] for unit, level in zip(self.units, genome, strict=True)]

    def groups(self, rule: Rule = "size") -> tuple[int, ...]:
        """Return a number for each unit; units of the same number may trade levels.

        Args:
            rule: Whether those of equal size, or of equal name, or all are one group. Sublayers
                are always grouped by name.
        """
        keys: list[tuple[object, ...]] = [
            (unit.name,) if not unit.linear or rule == "name" else ((unit.size,) * (rule == "size"))
            for unit in self.units
        ]
        numbers: Mapping[object, int] = {key: n for n, key in enumerate(dict.fromkeys(keys))}
        return tuple(numbers[key] for key in keys)

    def by_block(self, genome: Genome) -> list[tuple[tuple[str, Level], ...]]:
        """Return for each block the names and levels of its units: equal ones compute the same."""
        found: list[list[tuple[str, Level]]] = [[] for _ in range(self.blocks)]
        dropped = self.dropped(genome)
        for unit, level, gone in zip(self.units, self.levels(genome), dropped, strict=True):
            found[unit.block].append((unit.name, DROP if gone else level))
        return [tuple(each) for each in found]

    def check(self, genome: Sequence[int] | Genome) -> Genome:
        """Return a genome that fits the layout.

        Raises:
            EvollmError: If its length or one of its levels is wrong.
        """
        levels = np.asarray(genome, np.int64)
        if levels.shape != (len(self.units),):
            raise EvollmError(
                f"levels must be {len(self.units)} numbers, one for each unit, not an array of "
                f"shape {levels.shape}"
            )
        for unit, level in zip(self.units, levels, strict=True):
            if not 0 <= level < len(unit.levels):
                raise EvollmError(
                    f"the level of {unit} must be 0 to {len(unit.levels) - 1}, not {level}"
                )
        return levels
