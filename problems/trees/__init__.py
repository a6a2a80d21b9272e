"""LLEGO and its controls: decision trees for tables, evolved by a language model."""

from typing import TYPE_CHECKING, Any

from problems.trees.data.samples import Samples
from problems.trees.data.tables import from_csv, from_frame, load, names, split
from problems.trees.llego import LLEGOSettings
from problems.trees.model.convert import Forest, from_sklearn
from problems.trees.model.fitness import TreeFitness
from problems.trees.model.fitted import Fitted
from problems.trees.model.pruning import simplified
from problems.trees.present.drawing import draw
from problems.trees.present.export import (
    from_dict,
    from_json,
    to_dict,
    to_dot,
    to_json,
    to_python,
    to_rules,
)
from problems.trees.system import LLEGO

if TYPE_CHECKING:
    from problems.trees.estimators import LLEGOClassifier, LLEGORegressor

__all__ = [
    "LLEGO",
    "Fitted",
    "Forest",
    "LLEGOClassifier",
    "LLEGORegressor",
    "LLEGOSettings",
    "Samples",
    "TreeFitness",
    "draw",
    "from_csv",
    "from_dict",
    "from_frame",
    "from_json",
    "from_sklearn",
    "load",
    "names",
    "simplified",
    "split",
    "to_dict",
    "to_dot",
    "to_json",
    "to_python",
    "to_rules",
]


def __getattr__(name: str) -> Any:
    """Load the estimators on demand, because importing scikit-learn is slow."""
    if name in ("LLEGOClassifier", "LLEGORegressor"):
        from problems.trees import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
