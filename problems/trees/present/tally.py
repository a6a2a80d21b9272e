"""How a search for trees went: what each operator made, what was thrown away, what came twice."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evollm.store.codec import decode
from evollm.store.record import Record

STAND_IN = "stood in for"
"""How the reasons begin that count children of another operator, not answers of no use."""


@dataclass(slots=True)
class Made:
    """What one operator made.

    Attributes:
        children: How many were scored.
        better: How many of them were fitter than all their parents.
        copies: How many say the same of the training rows as one of their parents.
        born: How many have parents at all.
        answers: Of the model.
        useless: How many answers held no valid tree.
    """

    children: int = 0
    better: int = 0
    copies: int = 0
    born: int = 0
    answers: int = 0
    useless: int = 0

    @property
    def valid(self) -> float | None:
        """Share of the answers that held a valid tree, 0 to 1; None if no model was asked."""
        return 1 - self.useless / self.answers if self.answers else None


@dataclass(slots=True)
class OperatorStats:
    """What a run made.

    Attributes:
        made: By operator, in the order in which they came in.
        rejected: Answers that were thrown away, by reason.
        scored: Trees that were scored.
        duplicates: How many of them say the same of the training rows as an earlier one.
        depths: How many have each depth.
        repaired: Trees whose missing brackets were added.
        outside: Thresholds beyond what their column is known to hold.
    """

    made: dict[str, Made] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    scored: int = 0
    duplicates: int = 0
    depths: Counter[int] = field(default_factory=Counter)
    repaired: int = 0
    outside: int = 0

    @classmethod
    def of(cls, record: Record) -> "OperatorStats":
        """Count what a record holds."""
        tally = cls()
        known: dict[int, tuple[float, Any]] = {}
        seen: set[Any] = set()
        for number, operator, parents, note, fitness, metrics, info in _trees(record):
            signature = (info or {}).get("signature", number)
            known[number] = fitness, signature
            tally._count(tally.made.setdefault(operator, Made()), known, number, parents)
            tally.duplicates += signature in seen
            seen.add(signature)
            tally.scored += 1
            tally.depths[int(metrics.get("depth", 0))] += 1
            tally.repaired += bool(note.get("repaired"))
            tally.outside += note.get("outside", 0)
        tally._answers(record)
        return tally

    def _count(
        self, made: Made, known: Mapping[int, tuple[float, Any]], number: int, parents: list[int]
    ) -> None:
        fitness, signature = known[number]
        made.children += 1
        if lived := [known[k] for k in parents if k in known]:
            made.born += 1
            made.better += fitness > max(value for value, _ in lived)
            made.copies += signature in [own for _, own in lived]

    def _answers(self, record: Record) -> None:
        """Count what the model said, and what of it was of no use."""
        asked = "SELECT name, count(*) FROM calls JOIN jobs ON jobs.id = job"
        for name, count in record.rows(f"{asked} WHERE told IS NOT NULL GROUP BY name"):
            self.made.setdefault(name, Made()).answers += count
        for name, text in record.rows(
            "SELECT name, rejected FROM jobs WHERE rejected IS NOT NULL AND told IS NOT NULL"
        ):
            counts = Counter(json.loads(text))
            self.rejected += counts
            useless = sum(n for why, n in counts.items() if not why.startswith(STAND_IN))
            self.made.setdefault(name, Made()).useless += useless


def _trees(record: Record) -> Iterator[tuple[Any, ...]]:
    """Yield every scored tree's id, operator, parents, note, fitness, metrics and info."""
    rows = record.rows(
        "SELECT c.id, v.name, coalesce(c.parents, v.parents), c.note, o.fitness, o.metrics, o.info"
        " FROM outcomes o JOIN candidates c ON c.id = o.candidate JOIN jobs v ON v.id = c.job"
        " ORDER BY c.id"
    )
    for number, name, parents, note, fitness, metrics, info in rows:
        said = decode(note) if note else {}
        yield (
            number,
            name,
            json.loads(parents),
            said if isinstance(said, dict) else {},
            fitness,
            json.loads(metrics) if metrics else {},
            decode(info) if info else {},
        )
