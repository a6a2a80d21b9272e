"""Examples from the record of earlier runs: the answers of a model that led to better children."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from evollm.errors import EvollmError
from evollm.store import queries, rows
from evollm.store.record import Record
from evollm.tuning.examples import Collection, Example


def collected(runs: Iterable[str | Path], least: float = 0.0) -> Collection:
    """Return the answers from which children came that are fitter than their fittest parent.

    It works for every operator that asks a model, since prompts and answers are the recorded ones.
    The weight of an answer is the improvement's rank among those of its run, from 0.5 to 1.5.

    Args:
        runs: Run directories.
        least: The smallest improvement that counts, in units of the fitness.

    Raises:
        EvollmError: If a run has no record, or there is no such answer in any of them.
    """
    found: list[Example] = []
    names = [str(run) for run in runs]
    for run in names:
        with Record(run, write=False) as record:
            found += _improving(record, least)
    if not found:
        raise EvollmError(
            f"no answer of a model in {', '.join(names)} led to a child fitter than its parents: "
            "give runs of a search that improved by a model's answers"
        )
    return Collection(tuple(found))


def _improving(record: Record, least: float) -> list[Example]:
    scored = [one for one in rows.evaluations(record) if one.merit[0] == 0]
    fitness = {one.candidate: one.fitness for one in scored}
    gains: dict[str, float] = {}
    for child, own in fitness.items():
        keys = rows.birth(record, child)[1]
        parents = queries.candidate(record, child).parents if keys else ()
        known = [fitness[parent] for parent in parents if parent in fitness]
        gain = own - max(known, default=np.inf)
        if gain > least:
            gains |= {key: max(gain, gains.get(key, 0.0)) for key in keys}
    usable = {call.key: call for call in rows.calls(record) if call.answer and not call.error}
    order = sorted((key for key in gains if key in usable), key=gains.__getitem__)
    return [
        Example(
            usable[key].request["prompt"],
            str((usable[key].answer or {})["text"]),
            0.5 + (place + 0.5) / len(order),
        )
        for place, key in enumerate(order)
    ]
