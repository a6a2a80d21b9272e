"""Categories: text columns of a pandas frame as codes, the same ones whenever they come again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evollm.errors import EvollmError


@dataclass(frozen=True)
class Coder:
    """Turns columns of pandas' ``category`` type into codes.

    Attributes:
        labels: By the column's place from 0 the labels by code; empty if there are none.
    """

    labels: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, X: Any) -> "Coder":
        """Learn the categories of a frame; anything else has none.

        Raises:
            EvollmError: If a column holds text or dates and is no category.
        """
        if not _is_frame(X):
            return cls()
        kinds = dict(enumerate(X.dtypes))
        for place, kind in kinds.items():
            if not hasattr(kind, "categories") and not _is_number(kind):
                raise EvollmError(
                    f"column {X.columns[place]!r} holds {kind}: make it numbers, or a category by "
                    "astype('category')"
                )
        found = {i: kind.categories for i, kind in kinds.items() if hasattr(kind, "categories")}
        return cls({i: tuple(map(str, labels)) for i, labels in found.items()})

    def coded(self, X: Any) -> Any:
        """Return a frame with codes for categories; what is unknown or missing becomes NaN."""
        if not self.labels or not _is_frame(X):
            return X
        columns = {i: X.iloc[:, i] for i in range(X.shape[1])}
        for place, labels in self.labels.items():
            codes = {label: float(code) for code, label in enumerate(labels)}
            cells = columns.get(place, [])
            columns[place] = [codes.get(str(cell), float("nan")) for cell in cells]
        coded = type(X)({i: list(column) for i, column in columns.items()}, index=X.index)
        coded.columns = X.columns
        return coded


def _is_frame(X: Any) -> bool:
    return hasattr(X, "dtypes") and hasattr(X, "columns") and hasattr(X, "iloc")


def _is_number(kind: Any) -> bool:
    return getattr(kind, "kind", "O") in "biuf"
