"""A run of EvoPress described: the levels beside those of the start, and its files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from evollm.report.page import Curve, Report, Section, Table
from evollm.report.plots import drawn_files
from evollm.report.sections import faults, found, made, rungs, spent
from evollm.runtime.result import Result
from evollm.store import queries, rows
from problems.compression.compressed import Compressed, first_parent
from problems.compression.layout import Genome
from problems.compression.notation import mark
from problems.compression.present.beside import beside
from problems.compression.present.curves import plot_convergence
from problems.compression.present.map import plot_map

if TYPE_CHECKING:
    from problems.compression.system import EvoPress


def report(system: EvoPress, result: Result[Genome]) -> Report:
    """Return what a search for levels came to, and how it came.

    Args:
        system: The search that was run.
        result: What it came to.
    """
    record = result.record
    chosen = [found(record)]
    if _known(result):
        known = system.compressed(result)
        chosen = [_scores(known), *_beside(known), _levels(known), _curve(known)]
    took = spent(record, queries.usage(record))
    return Report("Compressed model", [*chosen, took, rungs(record), made(record), faults(record)])


def files(system: EvoPress, result: Result[Genome], folder: Path) -> list[Path]:
    """Write the level map and, where matplotlib is installed, the pictures; return the files."""
    if not _known(result):
        return []
    known = system.compressed(result)
    known.save(folder / "levels.json")
    written = ["levels.json"]
    written += drawn_files(folder / "levels.png", lambda file: plot_map(known, file))
    written += drawn_files(folder / "convergence.png", lambda file: plot_convergence(known, file))
    if system.checkpoint != "none":
        known.export(folder / "model", system.checkpoint)
        written += ["model/export.json"]
    return [folder / name for name in written]


def _known(result: Result[Genome]) -> bool:
    return result.best is not None and first_parent(result) is not None


def _scores(known: Compressed) -> Section:
    """Return the target, the bytes, and the scores of the chosen and of the first levels."""
    system, used = known.system, known.bytes
    units = system.units["fitness"]
    facts = {
        "aim": system.kind.target,
        "bytes": f"{used:,} of {known.budget:,}, beside {known.layout.fixed:,} of the rest",
        "search": f"{units.text(known.chosen.fitness)} ({units.name}), candidate {known.chosen.id}",
    }
    if known.gain is not None and known.chosen.id != known.start.id:
        facts["gain"] = "{:.4g} nats per token less divergence than the start, +/- {:.2g}".format(
            *known.gain
        )
    table = []
    for name, one in (("start", known.start_held_out), ("chosen", known.held_out)):
        if one is not None:
            table.append([name, one.kl, one.kl_error, one.perplexity])
    columns = ("held-out text", units.name if units.name == "KL" else "KL", "error", "perplexity")
    title = f"the start is {_start(known)}"
    return Section("", facts, tables=[Table(columns, table, title)] if table else [])


def _beside(known: Compressed) -> list[Section]:
    """Return what rules come to at the same bytes."""
    if known.held_out is None or not (found := beside(known)):
        return []
    rows_ = [
        [one.name, one.kl, one.perplexity, one.above, one.error, one.bytes, one.seconds]
        for one in found
    ]
    columns = ("rule", "KL", "perplexity", "KL above chosen", "error", "bytes", "seconds")
    return [Section("Rules at equal bytes, on the held-out text", tables=[Table(columns, rows_)])]


def _start(known: Compressed) -> str:
    uniform = known.system.problem.space.uniform is not None
    if known.system.schedule.informed:
        others = "the same level everywhere" if uniform else "random levels"
        return f"the best, on a little search text, of {others} and of what quick rules choose"
    return "the same level everywhere" if uniform else "the best of random ones at the same bytes"


def _levels(known: Compressed) -> Section:
    """Return how many units of each name have which level."""
    layout = known.layout
    gone = layout.dropped(known.genome)
    zipped = zip(layout.units, layout.levels(known.genome), gone, strict=True)
    counts: dict[str, Counter[str]] = {}
    for unit, level, dropped in zipped:
        text = "dropped" if dropped else "kept" if not unit.linear else mark(unit, level)
        counts.setdefault(unit.name, Counter())[text] += 1
    seen = sorted({text for one in counts.values() for text in one}, key=_order)
    table = [[name, *(one[text] or None for text in seen)] for name, one in counts.items()]
    if any(unit.levels[0].kind == "zeros" for unit in layout.units):
        seen = [f"{text}%" for text in seen]
    return Section("Levels", text=_text(known), tables=[Table(("unit", *seen), table)])


def _text(known: Compressed) -> str:
    return f"by block: {known.system.write(known.chosen)}"


def _order(text: str) -> tuple[int, float, str]:
    return (0, float(text), "") if text.isdigit() else (1, 0.0, text)


def _curve(known: Compressed) -> Section:
    """Return the parent's search score by generation, for plots."""
    units = known.system.units["fitness"]
    course = [(float(step), units.value(value)) for step, value in rows.named(known.result.record)]
    curve = Curve("convergence", "generation", units.name, {"parent": course})
    return Section("", curves=[curve])
