"""A front of bytes against divergence, in place of one budget."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from evollm import EvollmError, Individual, Result
from evollm.algorithms.duplicates import Distinct
from evollm.algorithms.generations import nsga2
from evollm.algorithms.mating import Mating
from evollm.algorithms.pareto import front
from evollm.report.page import Report, Section, Table
from evollm.report.plots import drawn_files
from evollm.report.sections import overview
from evollm.runtime.budget import Budget
from evollm.runtime.finals import Finalists
from evollm.search.flow import Flow
from evollm.types import JSON
from operators.levels import LevelSteps, SpreadLevels
from operators.masks import UniformCrossover
from problems.compression.compressed import Measured, measured
from problems.compression.fitness import HELD_OUT
from problems.compression.kinds.space import costs_of
from problems.compression.layout import Genome
from problems.compression.present.curves import plot_front
from problems.compression.schedules import Schedule, key
from problems.compression.system import EvoPress


class EvoFront(EvoPress):
    """The best levels for each number of bytes, by NSGA-II.

    Deb, Pratap, Agarwal, Meyarivan: A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II,
    2002. The target of the kind does not count; its levels do. All candidates are scored on the
    same text: as much as in the schedule's last stage. The members of the front are measured on
    held-out text in the end.

    The arguments are those of ``EvoPress``.
    """

    objectives: ClassVar[Mapping[str, float]] = {"fitness": 1.0, "bytes": -1.0}

    @cached_property
    def schedule(self) -> Schedule:
        """How long the search is; the pool is the text of the last stage."""
        long = super().schedule
        tokens = long.stages[-1][0]
        start = min(tokens, long.start_tokens)
        return replace(long, stages=((tokens, 1),), start_tokens=start, pool=tokens)

    @property
    def opening(self) -> str:  # type: ignore[override]
        """The model and its units, and the whole model's perplexity."""
        return self._described(f"a front of bytes against {self.units['fitness'].name}")

    @property
    def size(self) -> int:
        """Individuals on the front, and children per generation."""
        return 2 * self.schedule.offspring

    def flow(self, seed: int) -> Flow:
        """Return the search.

        Raises:
            EvollmError: If a level belongs to a unit that can be dropped.
        """
        layout = self.problem.space.layout
        if (layout.owner >= 0).any():
            raise EvollmError(
                f"there is no front of kind {self.kind.name}: choose depth, sparsity or "
                "quantization"
            )
        costs = costs_of(layout)
        matings = [
            Mating(LevelSteps(costs), arity=1, share=2),
            Mating(UniformCrossover(), arity=2, brood=2),
        ]
        start = SpreadLevels(costs)
        distinct = Distinct(key)
        return nsga2(start, matings, self.objectives, size=self.size, seed=seed, key=distinct)

    def forecast(self, budget: Budget) -> str:
        """Return the tokens that a run would take."""
        each, generations = self.problem.pool, budget.generations
        if generations is None:
            return f"search        {each:,} tokens for each of {self.size} children a generation"
        tokens = (generations + 1) * self.size * each
        return f"search        at most {tokens:,} tokens\nnothing was evaluated or written"

    def finalists(self, result: Result[Genome]) -> Finalists[Genome]:
        """Return the members of the front, which are measured on the held-out text."""
        return Finalists(self.front(result), HELD_OUT)

    def front(self, result: Result[Genome]) -> list[Individual[Genome]]:
        """Return the members of the front by rising bytes."""
        members = front(result.population, self.objectives)
        return sorted(members, key=lambda one: one.metrics["bytes"])

    def report(self, result: Result[Genome]) -> Report:
        """Return the front as a table."""
        columns = ("candidate", "bytes", "KL, search", "KL, held out", "error", "perplexity")
        table = [
            [one.id, int(one.metrics["bytes"]), -one.fitness, *_numbers(found)]
            for one, found in self.measured(result)
        ]
        title = "the least divergence for its bytes, in nats per token"
        section = Section("Front", tables=[Table(columns, table, title)] if table else [])
        return overview(result.record, section)

    def measured(self, result: Result[Genome]) -> list[tuple[Individual[Genome], Measured | None]]:
        """Return the members of the front with how they did on the held-out text."""
        return [(one, measured(result, one.id)) for one in self.front(result)]

    def export(self, result: Result[Genome], folder: Path) -> list[Path]:
        """Write the front as JSON and, where matplotlib is installed, as a picture."""
        known = self.measured(result)
        if not known:
            return []
        members = [self._member(one, found) for one, found in known]
        (folder / "front.json").write_text(json.dumps(members, indent=1) + "\n", encoding="utf-8")
        points = [
            (int(one.metrics["bytes"]), found.kl, found.kl_error)
            for one, found in known
            if found is not None
        ]
        drawn = (
            drawn_files(folder / "front.png", lambda file: plot_front(points, file))
            if points
            else []
        )
        return [folder / name for name in ("front.json", *drawn)]

    def _member(self, one: Individual[Genome], found: Measured | None) -> dict[str, JSON]:
        return {
            "candidate": one.id,
            "bytes": int(one.metrics["bytes"]),
            "levels": self.write(one),
            "search": -one.fitness,
            "held_out": None if found is None else vars(found),
        }


def _numbers(found: Measured | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if found is None else (found.kl, found.kl_error, found.perplexity)
