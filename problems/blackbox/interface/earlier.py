"""Warm starts: the best points of an earlier run, as the first points of a new one."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np

from evollm import EvollmError, Result
from evollm.checks import positive
from evollm.evaluation.noise import mean_outcome
from evollm.evaluation.wrapped import Wrapped
from evollm.search.fingerprint import describe
from evollm.store import queries
from evollm.store.record import Record
from evollm.types import JSON, Outcome
from problems.blackbox.function import Function
from problems.blackbox.report import Found
from problems.blackbox.space import Vector

Source: TypeAlias = str | Path | Result[Any] | Found
Scores: TypeAlias = Mapping[bytes, Outcome]
"""Outcomes by the bytes of the genome."""


@dataclass(frozen=True)
class Earlier:
    """An earlier run whose best distinct points are the first points of a new one.

    If the new run has a path, it can be resumed as long as the earlier run is not continued.

    Attributes:
        run: Its directory or its result.
        points: Maximum number of points.
        scores: Whether their recorded scores are used; otherwise they are evaluated again. Used
            scores are no evaluations of the function, so ``nfev`` does not include them.
    """

    run: Source
    points: int = 5
    scores: bool = False

    def __post_init__(self) -> None:
        positive(points=self.points)
        if not isinstance(self.run, str | Path | Result | Found):
            raise EvollmError(
                f"an earlier run must be a run directory or a result, not {self.run!r:.80}: give "
                "points to begin with as x0"
            )

    def read(self, function: Function) -> tuple[tuple[tuple[float, ...], ...], Scores]:
        """Return the best distinct points in the unit cube, best first, and all their scores.

        Individuals that were evaluated several times count with their mean.

        Args:
            function: The function of the new run.

        Raises:
            EvollmError: If there is no such run, it has another space or no finite score, or scores
                are to be used and it is of another function.
        """
        result = self.run.result if isinstance(self.run, Found) else self.run
        if isinstance(result, Result):
            opened: Any = nullcontext(result.record)
        else:
            opened = Record(result, write=False)
        with opened as record:
            self._check(record, function)
            found = _best(record, function)[: self.points]
        if not found:
            raise EvollmError(f"the earlier run {_named(record)} has no finite score to begin with")
        points = tuple(tuple(map(float, genome)) for genome, _ in found)
        return points, {genome.tobytes(): outcome for genome, outcome in found}

    def _check(self, record: Record, function: Function) -> None:
        recorded, now = _recorded(record), json.loads(json.dumps(describe(function)))
        if recorded.get("space") != now["space"]:
            raise EvollmError(
                f"the earlier run {_named(record)} searched {_written(recorded.get('space'))}, not "
                f"{_written(now['space'])}: give the same bounds in the same order, or its points "
                "as x0"
            )
        differs = [name for name in now if recorded.get(name) != now[name]]
        if self.scores and differs:
            raise EvollmError(
                f"the scores of the earlier run {_named(record)} can't be used because its "
                f"{differs[0]} was {recorded.get(differs[0])!r}, not {now[differs[0]]!r}: without "
                "scores=True its points are evaluated again"
            )


@dataclass(frozen=True)
class Known(Wrapped):
    """A function whose scores of some points are known; these cost nothing.

    Attributes:
        problem: The function as a problem.
        known: The known scores.
    """

    known: Scores = field(default_factory=dict, metadata={"parameter": False})

    @property
    def digest(self) -> int:
        """A number that another set of known points hardly has."""
        return crc32(b"".join(sorted(self.known)))

    def evaluate(
        self, genomes: Sequence[Vector], fidelity: int | None, seed: int
    ) -> Iterator[Outcome]:
        """Yield the known scores, and evaluate the other points."""
        problem: Any = self.problem
        keys = [np.asarray(genome, dtype=np.float64).tobytes() for genome in genomes]
        fresh = [one for one, key in zip(genomes, keys, strict=True) if key not in self.known]
        scored = iter(problem.evaluate(fresh, fidelity, seed) if fresh else ())
        for key in keys:
            yield replace(self.known[key], cost=0.0) if key in self.known else next(scored)


def _best(record: Record, function: Function) -> list[tuple[Vector, Outcome]]:
    """Return the distinct points with their outcomes, best first."""
    outcomes: defaultdict[bytes, list[Outcome]] = defaultdict(list)
    for one in queries.individuals(record):
        if not one.outcome.bound:
            genome = function.space.snap(np.asarray(one.genome, dtype=np.float64))
            outcomes[genome.tobytes()].append(one.outcome)
    means = [(np.frombuffer(key), mean_outcome(own)) for key, own in outcomes.items()]
    usable = [pair for pair in means if np.isfinite(pair[1].fitness)]
    return sorted(usable, key=lambda pair: pair[1].merit, reverse=True)


def _recorded(record: Record) -> Mapping[str, JSON]:
    """Return the recorded description of a run's function; empty if it had none."""
    _, found = record.get("problem") or ("", {})
    while isinstance(found, dict) and "space" not in found and "problem" in found:
        found = found["problem"]
    known = found if isinstance(found, dict) and "space" in found else record.get("config", {})
    return dict(known)


def _named(record: Record) -> str:
    return "without a folder" if record.path is None else f"in {record.path}"


def _written(space: JSON) -> str:
    """Write a recorded space in a few words."""
    if not isinstance(space, dict):
        return "no space of numbers"
    parts = []
    for place, one in enumerate(space["dimensions"]):
        name = f"{space['names'][place]} " if space["names"] else ""
        values = one.get("choices") or f"{one['low']} to {one['high']}"
        parts.append(f"{name}{values}" + (" (log)" if one.get("log") else ""))
    return f"{len(parts)} dimensions ({', '.join(parts[:4])}{', ...' if len(parts) > 4 else ''})"
