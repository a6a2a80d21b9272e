"""Yields: a warning for an operator that makes nothing, also where others make up for it."""

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
    """Counts what each operator makes, and warns once of one that has made no child at all.

    It warns after ten calls, and at the end of the run of those that were called less often.

    Attributes:
        record: Where the causes are.
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
                "%s has made none of the %d children asked of it (%s): the search goes on with "
                "what other operators make",
                name,
                made.asked,
                self._cause(name),
            )

    def _cause(self, name: str) -> str:
        """Return the commonest reason: of the model's calls if there is one, else of rejections."""
        if calls := rows.failed_calls(self.record, name):
            return calls.most_common(1)[0][0]
        asked = rows.operators(self.record).get(name)
        rejected = Counter(asked.rejected if asked else {})
        told = [why for why, _ in rejected.most_common() if not why.startswith(rows.STAND_IN)]
        return f"most often rejected: {told[0]}" if told else "it gives no reason"
