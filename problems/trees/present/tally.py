"""Statistics of a search for trees: children per operator, rejections, duplicates."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evollm.store import rows
from evollm.store.record import Record


@dataclass(slots=True)
class Made:
    """The children of one operator.

    Attributes:
        children: Number of scored children.
        better: Number of children fitter than all their parents.
        copies: Number of children with the same training predictions as one of their parents.
        born: Number of children with parents.
        answers: Number of the model's answers.
        useless: Number of answers without a valid tree.
    """

    children: int = 0
    better: int = 0
    copies: int = 0
    born: int = 0
    answers: int = 0
    useless: int = 0

    @property
    def valid(self) -> float | None:
        """Share of the answers with a valid tree, 0 to 1; None if no model was asked."""
        return 1 - self.useless / self.answers if self.answers else None


@dataclass(slots=True)
class OperatorStats:
    """The statistics of a run.

    Attributes:
        made: Statistics by operator, in the order of first use.
        rejected: Number of rejected answers, by reason.
        scored: Number of scored trees.
        duplicates: Number of trees with the same training predictions as an earlier one.
        depths: Number of trees of each depth.
        repaired: Number of trees with added brackets.
        outside: Number of thresholds outside the known range of their column.
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
        """Compute the statistics of a record."""
        stats = cls()
        known: dict[int, tuple[float, Any]] = {}
        seen: set[Any] = set()
        for one in sorted(rows.evaluations(record), key=lambda one: one.candidate):
            signature = (one.info or {}).get("signature", one.candidate)
            known[one.candidate] = one.fitness, signature
            stats._count(stats.made.setdefault(one.operator, Made()), known, one)
            stats.duplicates += signature in seen
            seen.add(signature)
            stats.scored += 1
            stats.depths[int(one.metrics.get("depth", 0))] += 1
            note = one.note if isinstance(one.note, dict) else {}
            stats.repaired += bool(note.get("repaired"))
            stats.outside += note.get("outside", 0)
        stats._answers(record)
        return stats

    def _count(
        self, made: Made, known: Mapping[int, tuple[float, Any]], one: rows.Evaluation
    ) -> None:
        fitness, signature = known[one.candidate]
        made.children += 1
        if lived := [known[k] for k in one.parents if k in known]:
            made.born += 1
            made.better += fitness > max(value for value, _ in lived)
            made.copies += signature in [own for _, own in lived]

    def _answers(self, record: Record) -> None:
        """Count the model's answers, and those that were unusable."""
        for name, asked in rows.operators(record).items():
            if not (asked.answers or asked.rejected):
                continue
            made = self.made.setdefault(name, Made())
            made.answers += asked.answers
            self.rejected.update(asked.rejected)
            lost = (n for why, n in asked.rejected.items() if not why.startswith(rows.STAND_IN))
            made.useless += sum(lost)
