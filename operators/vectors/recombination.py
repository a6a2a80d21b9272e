"""A language model as recombination operator, EvoLLM-style.

Lange, Tian, Tang: Large Language Models As Evolution Strategies, 2024,
https://arxiv.org/abs/2402.18381. According to the paper's abstract, the model is shown
least-to-most sorted, discretised population members and asked for the mean of the next search
distribution. The wording, all numbers and the handling of failures are ours.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import inf
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from evollm.checks import at_least
from evollm.errors import EvollmError
from evollm.evaluation.constraints import comparable
from evollm.llm.base import Completion, LanguageModel, Mode, Prompt, Sampling
from evollm.types import Individual, Offspring, Parent
from operators.vectors.rows import Answer, Integers, RowFormat, Vector, decode, encode, read, write

Blocks: TypeAlias = list[NDArray[np.int64]]
SEEDS = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Recombining:
    """Settings for showing rows to a model, and for its answers.

    Attributes:
        form: How rows are written.
        block: Number of coordinates per prompt; the prompts of all blocks are sent together.
        shuffle: Whether coordinates are assigned to blocks at random in each call; otherwise
            neighbours stay together.
        temperatures: One per attempt at a block; the first readable answer is used.
        mode: Plain continuation of the rows, or chat (which needs the form's header).
        constrain: Whether the endpoint enforces a grammar of integers.
        allow_prefix: Whether the beginning of an answer that is too long is used.
        rate: How far the mean moves from the old one to the answer; 1 replaces it.
    """

    form: RowFormat = field(default_factory=RowFormat)
    block: int = 8
    shuffle: bool = False
    temperatures: tuple[float, ...] = (0.0, 0.7, 1.0)
    mode: Mode = "plain"
    constrain: bool = False
    allow_prefix: bool = False
    rate: float = 1.0

    def __post_init__(self) -> None:
        at_least(1, self, "block")
        at_least(0, self, "rate")
        if not self.temperatures or not all(0 <= degree < inf for degree in self.temperatures):
            raise EvollmError(
                f"temperatures must be one or more numbers of at least 0, not {self.temperatures}"
            )


@dataclass(frozen=True, slots=True)
class Recombination(Recombining):
    """Asks a model for the mean of the next search distribution, block by block.

    Attributes:
        model: The language model.
        sections: Number of rows in each section of the prompt; empty for one section per step of
            birth.
    """

    model: LanguageModel
    sections: tuple[int, ...] = ()

    @property
    def io_bound(self) -> bool:
        """True, because the call waits for a model."""
        return True

    def vary(self, parents: Sequence[Parent[Vector]], n: int, seed: int) -> Offspring[Vector]:
        """Return one vector, the new mean, with all counts in its note.

        Args:
            parents: The old mean, the vector used for a block without a usable answer,
                and then the individuals to show, the least fit first.
            n: At least 1; only one mean is returned in any case.
            seed: Seed of the blocks and, plus the attempt's number, of the model.
        """
        if n < 1:
            return Offspring([])
        old, stand_in, *shown = parents
        rows = [parent for parent in shown if isinstance(parent, Individual)]
        blocks = partition(len(old.genome), self.block, seed if self.shuffle else None)
        integers = encode(np.array([row.genome for row in rows]), self.form.resolution)
        prompts = [self._prompt(rows, integers[:, block]) for block in blocks]
        answers, keys, rejected = self._ask(prompts, [len(block) for block in blocks], seed)
        mean = np.array(stand_in.genome, dtype=np.float64)
        for block, answer in zip(blocks, answers, strict=True):
            if answer.integers is not None:
                target = decode(answer.integers, self.form.resolution)
                mean[block] = old.genome[block] + self.rate * (target - old.genome[block])
        note = _note(answers, [integers[-1, block] for block in blocks], sum(rejected.values()))
        lineage = _lineage(answers, len(parents), self.rate)
        supplied = len(blocks) - note["fallbacks"]
        used = [
            key for key, answer in zip(keys, answers, strict=True) if answer.integers is not None
        ]
        return Offspring([mean], [note], rejected, [lineage], len(blocks), supplied, [used])

    def _prompt(self, rows: Sequence[Individual[Vector]], integers: Integers) -> Prompt:
        sections = self.sections or _by_step(rows)
        text = write(integers, comparable(rows), sections, self.form)
        return text if self.mode == "plain" else [{"role": "user", "content": text}]

    def _ask(
        self, prompts: Sequence[Prompt], sizes: Sequence[int], seed: int
    ) -> tuple[list[Answer], list[str], Counter[str]]:
        """Return an answer per block with its key, and why attempts failed.

        Only failed blocks are asked again.
        """
        answers = [Answer(None, "failed") for _ in prompts]
        keys = [""] * len(prompts)
        rejected: Counter[str] = Counter()
        for attempt, temperature in enumerate(self.temperatures):
            missing = [i for i, answer in enumerate(answers) if answer.integers is None]
            for group in self._groups(missing, sizes):
                columns = max(sizes[i] for i in group)
                asked = [prompts[i] for i in group]
                replies = self._complete(asked, columns, temperature, seed % SEEDS + attempt)
                for i, reply in zip(group, replies, strict=True):
                    answers[i], keys[i] = self._read(reply, sizes[i], rejected), reply.key
        return answers, keys, rejected

    def _groups(self, missing: Sequence[int], sizes: Sequence[int]) -> list[list[int]]:
        """Return the blocks that are sent in one call: all, unless their grammars differ."""
        if not self.constrain:
            return [list(missing)] if missing else []
        return [[i for i in missing if sizes[i] == s] for s in sorted({sizes[i] for i in missing})]

    def _complete(
        self, prompts: Sequence[Prompt], columns: int, temperature: float, seed: int
    ) -> list[Completion]:
        sampling = Sampling(
            temperature=temperature,
            max_tokens=(self.form.width + 1) * columns + (24 if self.form.header else 4),
            stop=("\n",),
            mode=self.mode,
            grammar=self.form.grammar(columns) if self.constrain else None,
            seed=seed,
        )
        return [completions[0] for completions in self.model.complete(prompts, sampling)]

    def _read(self, reply: Completion, columns: int, rejected: Counter[str]) -> Answer:
        if reply.error:
            rejected["unusable completion"] += 1
            return Answer(None, "failed")
        answer = read(reply.text, columns, self.form, self.allow_prefix)
        if answer.integers is None:
            rejected["unreadable answer"] += 1
        return answer


def partition(dimension: int, size: int, seed: int | None) -> Blocks:
    """Return the coordinates of each block; the last may be smaller, and a seed shuffles them."""
    order = np.arange(dimension)
    if seed is not None:
        order = np.random.default_rng(seed).permutation(dimension)
    return [np.sort(order[start : start + size]) for start in range(0, dimension, size)]


def _by_step(rows: Sequence[Individual[Vector]]) -> list[int]:
    """Return the lengths of runs of rows that were made in the same step."""
    return [len(list(group)) for _, group in groupby(rows, key=lambda row: row.step)]


def _note(answers: Sequence[Answer], last: Sequence[Integers], failed: int) -> dict[str, int]:
    """Return the counts for reports; a copy is an answer that repeats the row above it."""
    pairs = zip(answers, last, strict=True)
    return {
        "blocks": len(answers),
        "attempts": failed + sum(answer.integers is not None for answer in answers),
        "strict": sum(answer.reading == "strict" for answer in answers),
        "lenient": sum(answer.reading == "lenient" for answer in answers),
        "failed": failed,
        "fallbacks": sum(answer.integers is None for answer in answers),
        "clips": sum(answer.clips for answer in answers),
        "copies": sum(a.integers is not None and np.array_equal(a.integers, b) for a, b in pairs),
    }


def _lineage(answers: Sequence[Answer], parents: int, rate: float) -> list[int]:
    """Return the indices of the parents that contributed to the mean."""
    usable = any(answer.integers is not None for answer in answers)
    old = [0] if usable and rate != 1 else []
    stand_in = [1] if any(answer.integers is None for answer in answers) else []
    return old + stand_in + (list(range(2, parents)) if usable else [])
