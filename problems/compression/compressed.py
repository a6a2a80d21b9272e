"""What a search for levels came to: the level of each unit, its bytes, and the evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from evollm.paths import anchored
from evollm.runtime.result import Result
from evollm.store import queries, rows
from evollm.types import JSON, Candidate, Individual, Outcome
from problems.compression.fitness import HELD_OUT
from problems.compression.layout import Genome, Layout

if TYPE_CHECKING:
    from problems.compression.export.checkpoint import Export, Form
    from problems.compression.system import EvoPress


@dataclass(frozen=True)
class Measured:
    """How a candidate did on the held-out text.

    Attributes:
        kl: Mean divergence from the whole model, in nats per token.
        kl_error: Its standard error over windows.
        perplexity: Perplexity.
        log_perplexity_error: Standard error of its logarithm.
    """

    kl: float
    kl_error: float
    perplexity: float
    log_perplexity_error: float


@dataclass(frozen=True, eq=False)
class Compressed:
    """What a search came to.

    Attributes:
        system: The search.
        result: What the engine says of it.
        chosen: The parent that survived last.
        start: The first parent: the uniform levels or the best of random ones, or what a quick rule
            chooses where that is better and the schedule is informed.
    """

    system: EvoPress
    result: Result[Genome]
    chosen: Individual[Genome]
    start: Individual[Genome]

    @property
    def genome(self) -> Genome:
        """Of each unit the place of its level."""
        return np.asarray(self.chosen.genome, np.int64)

    @property
    def layout(self) -> Layout:
        """The units."""
        return self.system.problem.space.layout

    @property
    def bytes(self) -> int:
        """The bytes of all units, with scales and zero points."""
        return self.layout.cost(self.genome)

    @property
    def budget(self) -> int:
        """The most that they may be."""
        return self.system.problem.space.budget

    @cached_property
    def levels(self) -> dict[str, str]:
        """The level of each unit, by the name of its module or sublayer."""
        gone = self.layout.dropped(self.genome)
        known = zip(self.layout.units, self.layout.levels(self.genome), gone, strict=True)
        return {
            f"{unit.block}.{unit.name}": "drop" if dropped else str(level)
            for unit, level, dropped in known
        }

    @property
    def held_out(self) -> Measured | None:
        """How the chosen levels do on the held-out text; None if that was not measured."""
        return measured(self.result, self.chosen.id)

    @property
    def start_held_out(self) -> Measured | None:
        """How the first parent does there."""
        return measured(self.result, self.start.id)

    @property
    def gain(self) -> tuple[float, float] | None:
        """How much lower the divergence is than the first parent's, and the paired error of that.

        The error is over windows, on which both are measured. None if that was not done.
        """
        found = [_final(self.result, one.id) for one in (self.start, self.chosen)]
        if any(one is None for one in found):
            return None
        start, chosen = (np.array(one.outcome.info["kl"]) for one in found if one is not None)
        return float((start - chosen).mean()), _error(start - chosen)

    def as_json(self) -> dict[str, JSON]:
        """Return the level map with its bytes and scores."""
        layout, gone = self.layout, self.layout.dropped(self.genome)
        places = zip(layout.units, layout.levels(self.genome), self.genome, gone, strict=True)
        problem = self.system.problem
        return {
            "model": problem.loaded.lm.name,
            "kind": problem.kind.name,
            "target": problem.kind.target,
            "budget": self.budget,
            "bytes": self.bytes,
            "other_bytes": layout.fixed,
            "scores": {
                name: None if one is None else vars(one)
                for name, one in (("chosen", self.held_out), ("start", self.start_held_out))
            },
            "units": [
                {
                    "block": unit.block,
                    "name": unit.name,
                    "level": "drop" if dropped else level.kind,
                    "value": 0 if dropped else level.value,
                    "bytes": 0 if dropped else unit.costs[place],
                }
                for unit, level, place, dropped in places
            ],
        }

    def save(self, file: str | Path) -> Path:
        """Write the level map as JSON; return the file."""
        path = anchored(file)
        path.write_text(json.dumps(self.as_json(), indent=1) + "\n", encoding="utf-8")
        return path

    def export(self, folder: str | Path, form: Form = "auto") -> Export:
        """Write the compressed model as a folder that ``transformers`` loads.

        One with the types of a GGUF file is written as such a file, for llama.cpp.

        Args:
            folder: Where it goes; an earlier export there is replaced.
            form: Whether quantised layers are ``packed``, or ``dense`` with their codes beside;
                ``auto`` packs where the public format has all widths.

        Raises:
            EvollmError: If something else is in the folder, or the format lacks a width.
        """
        from problems.compression.export.checkpoint import export

        self.system.problem.prepare()
        held = self.system.problem.loaded
        facts = {"kind": self.system.kind.name, "target": self.system.kind.target}
        genome, source = self.genome, held.source
        if self.system.kind.name == "gguf":
            from problems.compression.export.gguf.write import export_gguf

            return export_gguf(held.blocks, self.layout, genome, folder, facts=facts)
        return export(held.blocks, self.layout, genome, folder, source, form=form, facts=facts)

    def _repr_html_(self) -> str:
        return self.system.report(self.result)._repr_html_()


def genome_of(layout: Layout, units: list[Mapping[str, JSON]]) -> Genome:
    """Return the levels that a level map lists under ``units``.

    Args:
        layout: The units of the model.
        units: Each with its ``block``, ``name``, ``level`` and ``value``.

    Raises:
        EvollmError: If a unit is missing, or has no such level.
    """
    known = {(one["block"], one["name"]): (one["level"], one["value"]) for one in units}
    genome = np.zeros(len(layout), np.int64)
    for place, unit in enumerate(layout.units):
        wanted = known.get((unit.block, unit.name))
        found = [(level.kind, level.value) for level in unit.levels]
        if wanted in found:
            genome[place] = found.index(wanted)
        elif wanted is None or wanted[0] != "drop":
            raise EvollmError(
                f"the level map has no level for {unit} that the model's layout has: use the "
                "settings that it was made with"
            )
    return genome


def first_parent(result: Result[Genome]) -> Individual[Genome] | None:
    """Return the first parent: the best of the start; None if that was not complete."""
    found = [one for one in rows.evaluations(result.record) if one.step == 0 and not one.error]
    if not found:
        return None
    best = max(found, key=lambda one: (not one.bound, one.fitness, one.candidate))
    known: Candidate[Genome] = queries.candidate(result.record, best.candidate)
    return Individual(known, Outcome(best.fitness, best.metrics), best.fidelity)


def _final(result: Result[Genome], number: int) -> Individual[Genome] | None:
    finals = (one for one in result.finals if one.id == number and one.fidelity == HELD_OUT)
    return next((one for one in finals if one.error is None), None)


def measured(result: Result[Genome], number: int) -> Measured | None:
    """Return how a candidate did on the held-out text; None if that was not measured."""
    final = _final(result, number)
    if final is None:
        return None
    errors = [_error(np.array(final.outcome.info[name])) for name in ("kl", "log_perplexity")]
    return Measured(final.metrics["kl"], errors[0], final.metrics["perplexity"], errors[1])


def _error(values: NDArray[np.float64]) -> float:
    """Return the standard error of a mean; NaN of a single value."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
