"""The fitness of decision trees on rows, as a problem for the engine."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Literal, TypeAlias, get_args

import numpy as np

from evollm.errors import EvollmError, described
from evollm.types import Outcome
from operators.trees.columns import Columns
from operators.trees.genome import Leaf, Split, Tree, depth, leaves, settled, size
from problems.trees.data.samples import Samples
from problems.trees.model.fitted import Fitted, fit, fit_leaves, own_values, weigh
from problems.trees.model.objectives import LeafPredictions, Measure, Objective, measures
from problems.trees.model.routing import Numbers, check_width, route

LeafRule: TypeAlias = Literal["objective", "majority"]


@dataclass(frozen=True, slots=True, eq=False)
class TreeFitness:
    """Fits the leaves of trees to training rows, and scores them.

    An outcome's fitness is the first objective on the training rows. Its metrics are all objectives
    on these rows, on the validation rows with the prefix ``valid_``, and ``size`` and ``depth``
    (smaller is better). Its ``info`` contains the values of the ``leaves`` from the left, and a
    ``signature`` that is equal for trees with equal training predictions.

    Attributes:
        columns: The columns and classes of the trees.
        train: The rows to which leaves are fitted, and on which fitness is measured.
        valid: Rows for choosing between trees; None for no such rows.
        objectives: Names or functions, see ``problems.trees.model.objectives``.
        refit_leaves: Whether leaves are refitted; otherwise they keep the genome's values.
        leaves: What refitted leaves predict. ``objective``: for ``balanced_accuracy`` the class
            with the largest share of its own rows at the leaf, with these shares as probabilities;
            for other objectives the same as ``majority``. ``majority``: the class with the largest
            weight, with the classes' shares of the leaf as probabilities. For regression, leaves
            are means in both cases.
    """

    columns: Columns
    train: Samples
    valid: Samples | None = None
    objectives: tuple[Objective, ...] = ("balanced_accuracy",)
    refit_leaves: bool = True
    leaves: LeafRule = "objective"

    def __post_init__(self) -> None:
        if self.leaves not in get_args(LeafRule):
            raise EvollmError(f"leaves must be 'objective' or 'majority', not {self.leaves!r}")
        if self.leaves == "majority" and not self.refit_leaves:
            raise EvollmError("leaves='majority' needs refitted leaves: remove refit_leaves=False")
        found = measures(self.objectives, self.columns.classes)
        width, classes = len(self.columns.columns), len(self.columns.classes)
        for samples in [self.train, *([self.valid] if self.valid else [])]:
            if samples.X.shape[1] != width:
                raise EvollmError(f"the rows must have the {width} columns that are described")
            labels = np.unique(samples.y)
            if classes and not np.isin(labels, np.arange(classes)).all():
                raise EvollmError(f"targets must be indices of classes, 0 to {classes - 1}")
            if "gap" in found and samples.groups is None:
                raise EvollmError("the objective 'gap' needs groups: give groups=...")
        if classes and len(np.unique(self.train.y)) < 2:
            raise EvollmError("all training rows have the same class: give rows of at least two")

    @property
    def balanced(self) -> bool:
        """Whether all classes have the same total weight, at leaves and for the initial trees."""
        return self.leaves == "objective" and self.objectives[0] == "balanced_accuracy"

    def evaluate(self, genomes: Sequence[Tree], fidelity: int | None, seed: int) -> list[Outcome]:
        """Score trees; an invalid one fails alone, and equal trees are scored once.

        A tree that sends missing values left in a column without gaps is scored and returned as the
        tree that does not; see ``operators.trees.genome.settled``.
        """
        faults = [self._fault(tree) for tree in genomes]
        scored_as = [
            tree if fault else settled(tree, self._gaps)
            for tree, fault in zip(genomes, faults, strict=True)
        ]
        place: dict[Tree, int] = {}
        places = [
            place.setdefault(tree, len(place)) if fault is None else -1
            for tree, fault in zip(scored_as, faults, strict=True)
        ]
        scored = self._score(list(place))
        return [
            _of(given, tree, scored[at]) if fault is None else Outcome(-inf, error=fault)
            for given, tree, fault, at in zip(genomes, scored_as, faults, places, strict=True)
        ]

    def fit(self, tree: Tree) -> Fitted:
        """Return a tree with the fitted leaves, ready to predict.

        Raises:
            EvollmError: If it is not a tree over the columns.
        """
        if fault := self._fault(tree):
            raise EvollmError(fault)
        settled_tree = settled(tree, self._gaps)
        classes = len(self.columns.classes)
        return fit(settled_tree, self.train, classes, self.refit_leaves, self.balanced)

    def signature(self, tree: Tree) -> str:
        """Return 16 hexadecimal digits, the same for trees with the same training predictions.

        Raises:
            EvollmError: If it is not a tree over the columns.
        """
        return _signature(self.fit(tree), route([tree], self.train.X)[0])

    @property
    def _gaps(self) -> frozenset[int]:
        return frozenset(i for i, column in enumerate(self.columns.columns) if column.gaps)

    def _fault(self, tree: object) -> str | None:
        """Return why a value is not a tree over the columns."""
        if not isinstance(tree, Leaf | Split):
            return f"a {type(tree).__name__} is not a tree"
        try:
            check_width(tree, len(self.columns.columns))
        except EvollmError as error:
            return str(error)
        classes = range(len(self.columns.classes))
        if classes and any(leaf.value not in classes for leaf in leaves(tree)):
            return f"a leaf has a class other than 0 to {len(classes) - 1}"
        return None

    def _score(self, trees: Sequence[Tree]) -> list[Outcome]:
        scored = measures(self.objectives, self.columns.classes)
        train = route(trees, self.train.X)
        valid: Sequence[Numbers | None] = [None] * len(trees)
        if self.valid:
            valid = route(trees, self.valid.X)
        return [self._outcome(*one, scored) for one in zip(trees, train, valid, strict=True)]

    def _outcome(
        self, tree: Tree, train: Numbers, valid: Numbers | None, scored: dict[str, Measure]
    ) -> Outcome:
        own, classes = own_values(tree), len(self.columns.classes)
        weights = weigh(train, self.train, len(own), classes)
        refit, balanced = self.refit_leaves, self.balanced
        model = fit_leaves(tree, own, train, self.train, weights, refit, balanced)
        views = {"": LeafPredictions(model, train, self.train, weights)}
        if self.valid is not None and valid is not None:
            weights = weigh(valid, self.valid, len(own), classes)
            views["valid_"] = LeafPredictions(model, valid, self.valid, weights)
        try:
            metrics = {
                prefix + name: measure(view)
                for prefix, view in views.items()
                for name, measure in scored.items()
            }
        except EvollmError:
            raise
        except Exception as error:  # a user's objective may raise any exception
            return Outcome(-inf, error=described(error))
        fitness = metrics[next(iter(scored))]
        info = {"leaves": model.leaf_values, "signature": _signature(model, train)}
        return Outcome(fitness, metrics | {"size": size(tree), "depth": depth(tree)}, info=info)


def _of(given: Tree, scored: Tree, outcome: Outcome) -> Outcome:
    """Return an outcome with the scored tree, if that differs from the given one."""
    return outcome if given is scored else replace(outcome, genome=scored)


def _signature(model: Fitted, numbers: Numbers) -> str:
    """Return a digest of the predictions for all rows."""
    if model.probabilities.shape[1]:
        code, values = model.values.astype(np.intp), b""
    else:
        reached = np.bincount(numbers, minlength=len(model.values)) > 0
        known = np.unique(model.values[reached])
        code, values = np.searchsorted(known, model.values), known.tobytes()
    kind = np.uint8 if code.max() < 256 else np.uint32
    predicted = code.astype(kind).take(numbers)
    return hashlib.sha256(values + predicted.tobytes()).hexdigest()[:16]
