"""Level vectors as short text: a mark for each unit, block by block."""

from itertools import groupby

from problems.compression.layout import Genome, Layout, Level, Unit


def written(layout: Layout, genome: Genome) -> str:
    """Return the level of each unit, those of a block joined.

    Bits are digits; zeros are the percentage of a layer; types of a GGUF file are without their Q;
    of sublayers ``a``, ``m`` and ``b`` stand for an attention, MLP or block that is kept, and ``-``
    for one that is dropped.

    Args:
        layout: The units.
        genome: Their levels.
    """
    gone = layout.dropped(genome)
    known = zip(layout.units, layout.levels(genome), gone, strict=True)
    marks = [(unit.block, "-" if dropped else mark(unit, level)) for unit, level, dropped in known]
    wide = any(unit.levels[0].kind in ("zeros", "gguf") for unit in layout.units)
    blocks = groupby(marks, key=lambda one: one[0])
    return " ".join(("," if wide else "").join(text for _, text in group) for _, group in blocks)


def mark(unit: Unit, level: Level) -> str:
    """Return a level in a few characters."""
    if not unit.linear:
        return "-" if level.kind == "drop" else unit.name[0]
    if level.kind == "bits":
        return str(level.value)
    if level.kind == "gguf":
        return str(level).removeprefix("Q")
    return f"{100 * level.value / unit.size:.0f}" if level.kind == "zeros" else "="
