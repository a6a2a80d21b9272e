"""PromptQuine as a scikit-learn classifier: a pruned prompt with fit and predict."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state

from evollm import Budget, EvollmError
from evollm.executors.base import Executor
from problems.lm.settings import LMSettings
from problems.prompts.classes import array_of, classes_of, fields_of, plain, words_of
from problems.prompts.data.example import Example
from problems.prompts.data.splits import Sizes, cut
from problems.prompts.data.task import Task
from problems.prompts.data.template import slot_names
from problems.prompts.methods.method import Method
from problems.prompts.predicting import Predicting
from problems.prompts.pruned import Pruned
from problems.prompts.saved import FORMAT as PROMPT_FORMAT
from problems.prompts.saved import PrunedPrompt, read_json, write_json
from problems.prompts.system import PromptQuine
from problems.prompts.tokens import Mode

FORMAT = "evollm prompt classifier 1"
BLOCK = "Text: {sentence_1}\nLabel:"


class PromptClassifier(Predicting):
    """Classifies texts by a prompt that evolution has pruned.

    Demonstrations, and the examples to search, to select and to test with, are drawn from what
    ``fit`` is given, an equal number of each label. What raises ``EvollmError`` says in one
    sentence what to change.

    Args:
        model: Who reads the prompt, as for ``PromptQuine``; None for the offline model.
        words: The word that the model answers with for each label, each one token of the model's;
            None for the labels' own texts.
        block: The question with its slots, up to the answer field. With several slots each text is
            a mapping of texts by slot.
        joint: What stands between the answer field and the answer in a demonstration.
        closing: What ends an answer in a demonstration.
        prompt: The unpruned prompt with its slots; None for demonstrations drawn from the texts.
        shots: Demonstrations per label, where the prompt is drawn.
        method: How to prune; None for ``Evolution()``, the paper's search.
        mode: How a pruned prompt reaches the model; see ``problems.prompts.tokens.Mode``.
        budget: What ends the search; None for 10,000 scored prompts.
        sizes: How many texts per label serve for what, at most; None for ``Sizes()``.
        executor: Where prompts are scored; by default here.
        path: The run directory, of one fit; None for a temporary record.
        lm: How a model in this process is loaded.
        random_state: The only source of chance but for the model.

    Attributes:
        classes_: The labels in their order.
        prompt_: The pruned prompt.
        pruned_: What the search came to; a pickle and a file leave it out.
    """

    def __init__(
        self,
        model: Any = None,
        *,
        words: Mapping[Any, str] | None = None,
        block: str = BLOCK,
        joint: str = " ",
        closing: str = "",
        prompt: str | None = None,
        shots: int = 1,
        method: Method | None = None,
        mode: Mode = "text",
        budget: Budget | None = None,
        sizes: Sizes | None = None,
        executor: Executor | None = None,
        path: str | Path | None = None,
        lm: LMSettings | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.model = model
        self.words = words
        self.block = block
        self.joint = joint
        self.closing = closing
        self.prompt = prompt
        self.shots = shots
        self.method = method
        self.mode = mode
        self.budget = budget
        self.sizes = sizes
        self.executor = executor
        self.path = path
        self.lm = lm
        self.random_state = random_state

    def fit(self, X: Iterable[Any], y: Iterable[Hashable]) -> Self:
        """Search for the pruned prompt that classifies texts best.

        Args:
            X: The texts, or texts by slot.
            y: A label each, of any kind that can be a key.

        Raises:
            EvollmError: If they are too few or of one label only, a label has no word, a word is
                not one token, or the model can't read the prompt.
        """
        labels = [plain(label) for label in y]
        classes = classes_of(labels)
        task = Task(
            "of the classifier",
            "classification",
            words_of(classes, self.words),
            self.block,
            slot_names(self.block) or ("sentence_1",),
            self.joint,
            self.closing,
        )
        fields = fields_of(X, task.slots)
        if len(fields) != len(labels):
            raise EvollmError(f"{len(fields)} texts have {len(labels)} labels: give one for each")
        examples = [
            Example(text, classes.index(label)) for text, label in zip(fields, labels, strict=True)
        ]
        state = check_random_state(self.random_state)
        seeds = [int(seed) for seed in state.randint(2**31, size=3)]
        task = task.with_splits(cut(examples, self.sizes, seed=seeds[0], fit=True))
        system = PromptQuine(
            self.model,
            self.prompt,
            task,
            method=self.method,
            shots=self.shots,
            demonstrations=seeds[1],
            mode=self.mode,
            lm=self.lm,
        )
        self.pruned_ = system.search(
            budget=self.budget, seed=seeds[2], executor=self.executor, path=self.path
        )
        self.classes_, self.prompt_ = array_of(classes), self.pruned_.prompt
        return self

    @classmethod
    def of(
        cls, prompt: PrunedPrompt | Pruned, model: Any = None, classes: Sequence[Any] | None = None
    ) -> Self:
        """Return a classifier that uses a pruned prompt, without a search.

        Args:
            prompt: The pruned prompt, of a task with label words.
            model: Who reads it; None for the one that the prompt names, in this process.
            classes: The label for each label word; None for the words.

        Raises:
            EvollmError: If the task has no label words, or not as many labels.
        """
        prompt = prompt.prompt if isinstance(prompt, Pruned) else prompt
        labels = [plain(label) for label in (prompt.labels if classes is None else classes)]
        if not prompt.labels:
            raise EvollmError(
                f"the prompt is for the task {prompt.task} ({prompt.kind}), which has no label "
                "words: give one for classification or multiple choice"
            )
        if len(labels) != len(prompt.labels):
            raise EvollmError(
                f"the prompt has {len(prompt.labels)} label words ({', '.join(prompt.labels)}), "
                f"but there are {len(labels)} classes: give one for each word"
            )
        found = cls(
            prompt.model if model is None else model,
            words=dict(zip(labels, prompt.labels, strict=True)),
            block=prompt.block,
            joint=prompt.joint,
            closing=prompt.closing,
            prompt=prompt.unpruned,
            mode=prompt.mode,
        )
        found.classes_, found.prompt_ = array_of(labels), prompt
        return found

    def save(self, path: str | Path) -> Path:
        """Write the prompt, its labels, and the names of model and tokenizer as JSON.

        Raises:
            EvollmError: If there is no prompt yet, a label is neither text nor number, or the file
                can't be written.
        """
        self._check()
        labels = self.classes_.tolist()
        for label in labels:
            if not isinstance(label, str | int | float | None):
                raise EvollmError(
                    f"the label {label!r} can't be written to a file: use texts or numbers"
                )
        prompt = self.prompt_
        return write_json(
            {
                "format": FORMAT,
                "model": prompt.model,
                "tokenizer": prompt.tokenizer,
                "classes": labels,
                "prompt": prompt.as_json(),
            },
            path,
        )

    @classmethod
    def load(cls, path: str | Path, model: Any = None) -> Self:
        """Return the classifier in a file that ``save`` wrote, here or of a pruned prompt.

        Args:
            path: The file.
            model: Who reads the prompt; None for the one that the file names, in this process.

        Raises:
            EvollmError: If there is no such file, or it holds something else.
        """
        formats = {FORMAT: "prompt classifier", PROMPT_FORMAT: "pruned prompt"}
        kept = read_json(path, formats)
        if kept["format"] == PROMPT_FORMAT:
            return cls.of(PrunedPrompt.from_json(kept, str(path)), model)
        prompt = PrunedPrompt.from_json(kept.get("prompt", {}), str(path))
        return cls.of(prompt, model, kept.get("classes"))
