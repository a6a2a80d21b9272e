"""How levels are made: the method, and what it is given."""

from dataclasses import dataclass
from typing import Literal

from evollm.checks import at_least
from evollm.errors import EvollmError
from problems.compression.layout import Level, LevelKind

Method = Literal["rtn", "gptq", "magnitude", "wanda", "sparsegpt"]
QUANTISES = ("rtn", "gptq")


@dataclass(frozen=True)
class LevelSettings:
    """How the levels of all layers are made.

    Attributes:
        method: To quantise, rtn rounds to nearest, and gptq makes up for errors in the columns that
            follow. To prune, magnitude removes the smallest weights of a layer, wanda the smallest
            of a row after scaling by its inputs, and sparsegpt those that matter least, making up
            for them.
        group: Number of neighbouring weights that share a scale and a zero point; 0 for whole rows.
        damping: Of gptq and sparsegpt, what is added to the inputs' mean squares, as a share of
            their mean.
        order: Let gptq quantise the columns with the largest inputs first.
        carry: The level that later blocks see the effect of while theirs are made: bits per weight,
            or the share of zeros, of which each layer takes the nearest that it has; none for
            unchanged weights.

    Raises:
        EvollmError: If a value is out of range.
    """

    method: Method = "gptq"
    group: int = 64
    damping: float = 0.01
    order: bool = False
    carry: float | None = None

    def __post_init__(self) -> None:
        at_least(0, self, "group", "damping", "carry")

    @property
    def kind(self) -> LevelKind:
        """Of the levels that are made."""
        return "bits" if self.method in QUANTISES else "zeros"

    def check(self, level: Level, where: str) -> None:
        """Check that the method makes a level.

        Raises:
            EvollmError: If it makes levels of another kind.
        """
        if level.kind != self.kind:
            makes = "quantises" if self.kind == "bits" else "prunes"
            raise EvollmError(
                f"{where} is to have {level}, which {self.method} does not make, as it {makes}: "
                "choose another method"
            )

    def carried(self, levels: tuple[Level, ...], size: int) -> Level | None:
        """Return the level of a layer of ``size`` weights that later blocks see; None for dense."""
        carry = self.carry
        if carry is None or not levels:
            return None
        whole = 1 if self.kind == "bits" else size
        return min(levels, key=lambda level: abs(level.value / whole - carry))
