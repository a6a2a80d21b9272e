"""The fitness of pruned prompts: how well a model answers with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from evollm.checks import nearest
from evollm.errors import EvollmError, described
from evollm.types import JSON, Outcome
from problems.lm.scoring import LabelScorer
from problems.prompts.data.example import Example
from problems.prompts.data.task import Task
from problems.prompts.data.template import MASK
from problems.prompts.readers.judging import JUDGES, Judge, Judged, Labelled
from problems.prompts.readers.reader import Reader, Text
from problems.prompts.tokens import Mask, Mode, Prompt

SELECTION, TEST = 1, 2
"""The rungs of the closing job: fidelities that name the examples to choose and to test with."""
MOST_MISSING = 0.05
"""The share of examples whose labels an endpoint may leave out."""


@dataclass(frozen=True, eq=False)
class PromptFitness:
    """Scores masks of a prompt on labelled examples.

    The fitness is the objective's mean over the search examples, or over those to select or to test
    with where the fidelity says so. Metrics are the task's and the ``length``, the number of
    prunable tokens kept; ``info`` holds the scores of each example, by metric, and how many labels
    were ``missing`` from what an endpoint listed, if any. The cost is in tokens: those that the
    model has to read once, and those that it writes, whatever is computed or cached.

    Attributes:
        prompt: The unpruned prompt.
        task: What it is for; its splits are the examples.
        reader: Who reads.
        objective: The metric that the search rewards; empty for the task's first.
        mode: How a pruned prompt reaches the model.
        halving: Whether a context's ``bar`` counts: then a prompt that stays below it on the first
            half of the search examples is not scored on the others.
        equally: Whether both halves weigh the same, as in the reference code, and not all examples.
        judge: How answers are scored; None for the task's kind.
        identity: What a record keeps of the task, the prompt and the examples: name, text, digests.

    Raises:
        EvollmError: If there are no examples, the metric or the mode is unknown, or the kind of
            task needs a custom judge.
    """

    prompt: Prompt = field(metadata={"parameter": False})
    task: Task = field(metadata={"parameter": False})
    reader: Reader
    objective: str = ""
    mode: Mode = "text"
    halving: bool = False
    equally: bool = False
    judge: Judge | None = None
    identity: Mapping[str, str] = field(init=False, repr=False)
    cost_unit: ClassVar[str] = "tokens"
    elementwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        digests = {name: one.digest for name, one in self.task.splits.provenance.items()}
        known = {"task": self.task.name, "prompt": self.prompt.template.text, **digests}
        object.__setattr__(self, "identity", known)
        self.task.usable(self.task.splits.search, "search examples")
        if self.metric not in self.task.metrics:
            raise EvollmError(
                f"the task {self.task.name} has no metric '{self.metric}'"
                f"{nearest(self.metric, self.task.metrics)}"
            )
        if self.mode not in self.reader.modes:
            raise EvollmError(
                f"{self.reader.name} takes a prompt as {' or '.join(self.reader.modes)}, not as "
                f"'{self.mode}'"
            )
        if self.judge is None and self.task.kind not in JUDGES:
            raise EvollmError(
                f"the task {self.task.name} needs scorers of style and fluency: give "
                "judge=Styled(StyleJudge(style=..., fluency=...))"
            )

    @property
    def metric(self) -> str:
        """The metric that fitness is."""
        return self.objective or self.task.metrics[0]

    @property
    def asks_model(self) -> bool | tuple[str, ...]:
        """Whether evaluations ask an endpoint; or the names of the variables that hold the keys."""
        return self.reader.asks_model

    def prepare(self) -> None:
        """Load the model, and refuse a prompt or label words that it cannot read.

        Raises:
            EvollmError: See ``Reader.check``.
        """
        self.reader.prepare()
        longest = [max(split, key=_size) for split in self._sets().values() if split]
        judge, texts = self._judge, self._texts(self.prompt.whole, longest)
        if isinstance(judge, Labelled):
            self.reader.check(texts, judge.room, self.task.labels, judge.before)
        else:
            self.reader.check(texts, judge.room)

    def evaluate(
        self,
        genomes: Sequence[Mask],
        fidelity: int | None,
        seed: int,
        context: Mapping[str, JSON] | None = None,
    ) -> Iterator[Outcome]:
        """Yield the outcome of each mask; an exception in a custom scorer fails one alone.

        Raises:
            EvollmError: If the model cannot read the prompt, an endpoint refuses or does not
                answer, or it lists too few of the unpruned prompt's labels.
        """
        bar = (context or {}).get("bar") if self.halving and fidelity is None else None
        for mask in genomes:
            try:
                yield self._outcome(mask, fidelity, bar)
            except EvollmError:
                raise
            except Exception as error:
                yield Outcome(-inf, error=described(error))

    def judged(self, mask: Mask, examples: Sequence[Example]) -> Judged:
        """Return a pruned prompt's scores on examples."""
        return self._judge(self.reader, self.task, self._texts(mask, examples), examples)

    def tokens(self, fidelity: int | None = None) -> int:
        """Return how many tokens scoring the unpruned prompt takes, special tokens left out.

        No model is asked. Each answer that is written counts as the longest one.

        Args:
            fidelity: Which examples; see ``evaluate``.
        """
        encode = self.reader.tokenizer.encode
        texts = [
            [token for token, _, _ in encode(text)] if isinstance(text, str) else text
            for text in self._texts(self.prompt.whole, self._sets()[fidelity])
        ]
        written = 0 if self.task.labelled else self._judge.room
        return LabelScorer.nominal(texts) + written * len(texts)

    def key(self, mask: Mask) -> str | bytes:
        """Return what tells pruned prompts apart."""
        return self.prompt.key(np.asarray(mask), self.mode)

    def write(self, mask: Mask) -> str:
        """Return the text of a pruned prompt."""
        return self.prompt.text(np.asarray(mask), self.mode == "text_cleaned")

    @property
    def _judge(self) -> Judge:
        return self.judge or JUDGES[self.task.kind](self.prompt.template)

    def _sets(self) -> Mapping[int | None, Sequence[Example]]:
        splits = self.task.splits
        return {None: splits.search, SELECTION: splits.select, TEST: splits.test}

    def _outcome(self, mask: Mask, fidelity: int | None, bar: float | None) -> Outcome:
        examples = self._sets()[fidelity]
        halves = self.halving and fidelity is None and len(examples) > 1
        middle = len(examples) // 2 if halves else len(examples)
        found = self.judged(mask, examples[:middle])
        partial = bar is not None and halves and found.mean(self.metric) < bar
        fitness = found.mean(self.metric)
        if halves and not partial:
            rest = self.judged(mask, examples[middle:])
            fitness = (fitness + rest.mean(self.metric)) / 2
            found += rest
            fitness = fitness if self.equally else found.mean(self.metric)
        self._check_listed(found, mask)
        metrics = {name: found.mean(name) for name in found.values}
        metrics |= {"length": float(np.sum(mask))}
        info: dict[str, JSON] = {name: _plain(values) for name, values in found.values.items()}
        info |= {"missing": found.missing} if found.missing else {}
        return Outcome(fitness, metrics, info=info, cost=found.tokens, bound=partial)

    def _check_listed(self, found: Judged, mask: Mask) -> None:
        """Refuse labels that an endpoint lists too rarely: of a pruned prompt, that prompt alone.

        Raises:
            EvollmError: If the unpruned prompt can't be scored.
            ValueError: If a pruned one can't.
        """
        examples = len(found.values[self.metric])
        if found.missing <= MOST_MISSING * examples:
            return
        missing = (
            f"{self.reader.name} lists no log-probability for a label of {found.missing} of "
            f"{examples} examples"
        )
        if not np.all(mask):
            raise ValueError(missing)
        raise EvollmError(
            f"{missing}: name label words that it is likelier to write, or an endpoint that lists "
            "more tokens"
        )

    def _texts(self, mask: Mask, examples: Sequence[Example]) -> list[Text]:
        mask = np.asarray(mask, dtype=np.bool_)
        fields = [self._fields(example) for example in examples]
        if self.mode == "ids":
            return [self.prompt.filled_ids(mask, one) for one in fields]
        pruned = self.prompt.pruned(mask, self.mode == "text_cleaned")
        return [pruned.fill(one) for one in fields]

    def _fields(self, example: Example) -> Mapping[str, str]:
        if MASK not in self.prompt.template.slots:
            return example.fields
        return {**example.fields, MASK: self.reader.tokenizer.mask}


def _plain(values: NDArray[Any]) -> list[int] | list[float]:
    """Return scores per example as a record keeps them."""
    whole = values.dtype == np.bool_
    found: list[Any] = values.astype(int).tolist() if whole else np.round(values, 4).tolist()
    return found


def _size(example: Example) -> int:
    return sum(map(len, example.fields.values()))
