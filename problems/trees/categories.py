"""Categories: text columns of a pandas frame as codes, the same ones whenever they come again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Coder:
    """Turns columns of pandas' ``category`` type into codes.

    Attributes:
        categories: Labels by code, by column; empty if the rows are no frame or have none.
    """

    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, X: Any) -> "Coder":
        """Learn the categories of a frame."""
        if not (hasattr(X, "dtypes") and hasattr(X, "columns")):
            return cls()
        kinds = zip(X.columns, X.dtypes, strict=True)
        found = {str(name): kind.categories for name, kind in kinds if hasattr(kind, "categories")}
        return cls({name: tuple(map(str, labels)) for name, labels in found.items()})

    def coded(self, X: Any) -> Any:
        """Return a frame with codes for categories; what is unknown or missing becomes NaN."""
        if not self.categories or not hasattr(X, "columns"):
            return X
        coded = X.copy()
        for name, labels in self.categories.items():
            if name in coded:
                codes = {label: float(code) for code, label in enumerate(labels)}
                coded[name] = [codes.get(str(cell), float("nan")) for cell in X[name]]
        return coded
