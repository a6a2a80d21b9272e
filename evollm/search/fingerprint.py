"""Fingerprints: a short hash of each job, by which a replay detects changes."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from evollm.errors import EvollmError
from evollm.search.flow import Job, Vary
from evollm.types import JSON, Problem, name_of


class Fingerprints:
    """Computes names and fingerprints of jobs."""

    def __init__(self, problem: Problem[Any]) -> None:
        self._problem = problem
        self._known: dict[int, tuple[object, str]] = {}

    def of(self, job: Job) -> tuple[str, str]:
        """Return the name of the operator or problem, and the job's fingerprint."""
        if isinstance(job, Vary):
            who: object = job.operator
            what: tuple[Any, ...] = ("vary", [parent.id for parent in job.parents], job.n)
        else:
            who = self._problem
            what = ("evaluate", [candidate.id for candidate in job.candidates], job.fidelity)
            if job.context is not None:
                what = (*what, written(job.context))
        text = f"{self._described(who)}{what}{job.seed},{job.step}"
        return name_of(who), hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def _described(self, thing: object) -> str:
        """Describe an operator or a problem once; it is kept alive so that its id stays unique."""
        known = self._known.get(id(thing))
        if known is None:
            if len(self._known) > 1000:
                self._known.clear()
            known = (thing, json.dumps([name_of(thing), describe(thing)]))
            self._known[id(thing)] = known
        return known[1]


def written(context: Mapping[str, JSON]) -> str:
    """Return a job's context as JSON.

    Raises:
        EvollmError: If it is not a dict that can be written as JSON.
    """
    try:
        return json.dumps(dict(context), sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise EvollmError(
            "the context of an evaluation must be a dict that can be written as JSON, not "
            f"{context!r:.80} ({error})"
        ) from None


def describe(thing: Any) -> JSON:
    """Return the parameters of an operator, a problem or a setting as JSON.

    Dataclasses are described by their fields (except those with ``metadata={"parameter": False}``),
    functions and classes by their names, arrays by a hash of their bytes, models by their names,
    and other objects by the name of their class.
    """
    if thing is None or isinstance(thing, str | int | float | bool):
        return thing
    if isinstance(thing, np.generic):
        return thing.item()
    if isinstance(thing, np.ndarray):
        return [
            "array",
            thing.dtype.str,
            list(thing.shape),
            hashlib.blake2b(thing.tobytes(), digest_size=8).hexdigest(),
        ]
    if isinstance(thing, list | tuple | set | frozenset):
        items = sorted(thing, key=repr) if isinstance(thing, set | frozenset) else thing
        return [describe(item) for item in items]
    if isinstance(thing, dict):
        return {str(key): describe(item) for key, item in thing.items()}
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        listed = [
            item for item in dataclasses.fields(thing) if item.metadata.get("parameter", True)
        ]
        return {item.name: describe(getattr(thing, item.name)) for item in listed}
    if name := getattr(thing, "__qualname__", None):
        return f"{getattr(thing, '__module__', '')}.{name}"
    return name_of(thing)
