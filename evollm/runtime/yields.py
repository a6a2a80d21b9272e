"""Yields: a warning about an operator that makes no children, even if other operators do."""

import logging
from collections import Counter
from dataclasses import dataclass, field

from evollm.store import rows
from evollm.store.record import Record

_PATIENCE = 10


@dataclass(slots=True)
class _Made:
    calls: int = 0
    asked: int = 0
    children: int = 0


@dataclass(slots=True)
class Yields:
    """Counts the children of each operator, and warns once about one that has made none.

    It warns after ten calls, or at the end of the run if the operator was called less often.

    Attributes:
        record: Where the causes are read.
    """

    record: Record
    _made: dict[str, _Made] = field(default_factory=dict)

    def note(self, name: str, asked: int, children: int) -> None:
        """Count one call of an operator."""
        made = self._made.setdefault(name, _Made())
        made.calls += 1
        made.asked += asked
        made.children += children
        if made.calls == _PATIENCE:
            self._tell(name, made)

    def close(self) -> None:
        """Warn at the end of a run."""
        for name, made in self._made.items():
            if made.calls < _PATIENCE:
                self._tell(name, made)

    def _tell(self, name: str, made: _Made) -> None:
        if made.asked and not made.children:
            logging.getLogger("evollm").warning(
                "%s has made none of the %d children requested from it (%s): the search continues "
                "with the children of other operators",
                name,
                made.asked,
                self._cause(name),
            )

    def _cause(self, name: str) -> str:
        """Return the most frequent reason for failed model calls, or else for rejections."""
        if calls := rows.failed_calls(self.record, name):
            return calls.most_common(1)[0][0]
        asked = rows.operators(self.record).get(name)
        rejected = Counter(asked.rejected if asked else {})
        reasons = [why for why, _ in rejected.most_common() if not why.startswith(rows.STAND_IN)]
        return f"most often rejected: {reasons[0]}" if reasons else "no reason was recorded"
