"""Pickling: how problems and outcomes are sent to workers and back."""

import sys
from dataclasses import replace
from types import ModuleType
from typing import Any

from evollm.errors import EvollmError
from evollm.executors.scoring import Scores
from evollm.runtime.intake import portable


def by_value(module: ModuleType) -> None:
    """Pickle a module's objects by value, because workers can't import it."""
    _cloudpickle().register_pickle_by_value(module)


def whole() -> list[ModuleType]:
    """Return the modules whose objects are pickled by value."""
    listed = _cloudpickle().list_registry_pickle_by_value()
    return [sys.modules[name] for name in listed if name in sys.modules]


def _cloudpickle() -> Any:
    try:
        import cloudpickle
    except ImportError:  # older releases of joblib contain it
        from joblib.externals import cloudpickle
    return cloudpickle


def pickled(thing: object, what: str) -> bytes:
    """Pickle by value, so that functions and classes of a script or a notebook are included."""
    try:
        return bytes(_cloudpickle().dumps(thing))
    except Exception as error:
        raise EvollmError(
            f"{what} can't be sent to a worker process ({error}): "
            "keep open files, locks and connections out of it"
        ) from None


def sendable(scores: Scores) -> Scores:
    """Return the scores, without the info of an outcome if it can't be pickled by value."""
    try:
        pickled(scores, "an outcome")
    except EvollmError:
        cut = [portable(one, _unsendable) for one in scores.outcomes]
        return replace(scores, outcomes=cut)
    return scores


def _unsendable(value: Any) -> str | None:
    try:
        pickled(value, "info")
    except EvollmError:
        return type(value).__name__
    return None
