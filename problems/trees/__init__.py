"""LLEGO and its controls: decision trees for tables, bred by a language model."""

from problems.trees.convert import Forest, from_sklearn
from problems.trees.drawing import draw
from problems.trees.export import (
    from_dict,
    from_json,
    to_dict,
    to_dot,
    to_json,
    to_python,
    to_rules,
)
from problems.trees.fitness import TreeFitness
from problems.trees.fitted import Fitted
from problems.trees.pruning import simplified
from problems.trees.samples import Samples

__all__ = [
    "Fitted",
    "Forest",
    "Samples",
    "TreeFitness",
    "draw",
    "from_dict",
    "from_json",
    "from_sklearn",
    "simplified",
    "to_dict",
    "to_dot",
    "to_json",
    "to_python",
    "to_rules",
]
