"""LLEGO's crossover, guided by fitness, and its mutation, guided by diversity.

Liu, Huynh, van der Schaar: Decision Tree Induction Through LLMs via Semantically-Aware Evolution,
2025, https://arxiv.org/abs/2503.14217.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Literal

import numpy as np

from evollm.errors import EvollmError
from evollm.llm.base import Completion
from evollm.types import JSON, Offspring, Parent, fitness_of
from operators.trees.genome import Tree
from operators.trees.prompting import Page, TreePrompt, reading_note


@dataclass(frozen=True)
class GuidedCrossover:
    """Shows parents in ascending order of fitness, and asks for a tree with a better one.

    Attributes:
        asking: How the model is asked.
        alpha: How far the target is beyond the best parent, in ranges of the parents' fitness.
        spare: Number of answers requested in addition to the number of children.
        fitness: Whether fitness and target are shown (an ablation of the paper).
        order: Order in which parents are shown (also an ablation).
        loss: Whether the fitness is minus a loss, which the prompt then shows.
    """

    asking: TreePrompt
    alpha: float = 0.1
    spare: int = 2
    fitness: bool = True
    order: Literal["ascending", "descending", "random"] = "ascending"
    loss: bool = False

    @property
    def io_bound(self) -> bool:
        """True: the call waits for a model."""
        return True

    def vary(self, parents: Sequence[Parent[Tree]], n: int, seed: int) -> Offspring[Tree]:
        """Return up to ``n`` children of all parents, in the order of the answers."""
        if n < 1:
            return Offspring([])
        order = self._order([fitness_of(parent) for parent in parents], seed)
        shown = [self._line(parents[i]) for i in order]
        target = self._target([fitness_of(parent) for parent in parents])
        sign = "loss" if self.loss else "score"
        query = f"{sign} {target:z.4f}:" if self.fitness and target is not None else ""
        wish = "Join what is good in these trees to a different, better and simpler one."
        page = Page.of([parent.genome for parent in parents], shown, query, wish)
        lead = " " if query and self.asking.mode == "plain" else ""
        [replies] = self.asking.complete([page], n + self.spare, seed, lead=lead)
        note: dict[str, JSON] = {} if target is None else {"target": target}
        return _children(self.asking, replies, parents, n, note)

    def _order(self, fitness: Sequence[float], seed: int) -> list[int]:
        places = list(range(len(fitness)))
        if self.order == "random":
            return [int(i) for i in np.random.default_rng(seed).permutation(places)]
        places.sort(key=lambda i: fitness[i])
        return places[::-1] if self.order == "descending" else places

    def _line(self, parent: Parent[Tree]) -> str:
        tree = self.asking.written(parent)
        value = fitness_of(parent)
        if not self.fitness or not isfinite(value):
            return tree
        return f"loss {-value:z.4f}: {tree}" if self.loss else f"score {value:z.4f}: {tree}"

    def _target(self, fitness: Sequence[float]) -> float | None:
        """Return the target fitness or loss: a fraction of the range beyond the best."""
        known = [value for value in fitness if isfinite(value)]
        if not known:
            return None
        target = max(known) + self.alpha * (max(known) - min(known))
        return -target if self.loss else target


@dataclass(frozen=True)
class DiverseMutation:
    """Shows parents in random order without fitness, and prefers unlikely answers.

    Answers are sampled without replacement with weight ``exp(-logprob / tau)``. The log-probability
    is the sum over an answer's tokens, as reported by the server; under a grammar, llama.cpp
    reports the model's before the grammar is applied.

    Attributes:
        asking: How the model is asked.
        tau: Temperature of the choice: a small one prefers unlikely answers; an infinite one is
            uniform, and needs no log-probabilities from the endpoint.
        candidates: Number of answers to choose from, at least the number of children.
        spare: Number of additional answers requested, because some may be unusable.
        per_token: Whether to use the mean over the tokens, so that long trees are not favoured.
    """

    asking: TreePrompt
    tau: float = 10.0
    candidates: int = 4
    spare: int = 2
    per_token: bool = False

    def __post_init__(self) -> None:
        if not self.tau > 0 or self.candidates < 1:
            raise EvollmError(
                f"tau must be positive and candidates at least 1, not {self.tau} and "
                f"{self.candidates}"
            )

    @property
    def io_bound(self) -> bool:
        """True: the call waits for a model."""
        return True

    def vary(self, parents: Sequence[Parent[Tree]], n: int, seed: int) -> Offspring[Tree]:
        """Return up to ``n`` children of all parents, with the log-probabilities in their notes."""
        if n < 1:
            return Offspring([])
        rng = np.random.default_rng(seed)
        shown = [self.asking.written(parents[i]) for i in rng.permutation(len(parents))]
        wish = "Write a tree that is unlike these and still plausible."
        page = Page.of([parent.genome for parent in parents], shown, "", wish)
        size = max(n, self.candidates) + self.spare
        [replies] = self.asking.complete([page], size, seed, logprobs=isfinite(self.tau))
        made = _children(self.asking, replies, parents, max(n, self.candidates), {})
        known = [note.get("logprob", (0.0, 0.0)) for note in made.notes]
        chosen = self._chosen(known, n, rng)
        return replace(
            made,
            genomes=[made.genomes[i] for i in chosen],
            notes=[made.notes[i] for i in chosen],
            calls=[made.calls[i] for i in chosen],
            asked=n,
            supplied=len(chosen),
        )

    def _chosen(self, logprobs: Sequence[Any], n: int, rng: np.random.Generator) -> list[int]:
        """Draw the answers to keep: those with the largest log-weights plus Gumbel noise."""
        likely = np.nan_to_num([pair[int(self.per_token)] for pair in logprobs])
        with np.errstate(over="ignore"):
            keys = rng.gumbel(size=len(logprobs)) - likely / self.tau
        return [int(i) for i in np.argsort(-keys, kind="stable")[:n]]


def _children(
    asking: TreePrompt,
    replies: Sequence[Completion],
    parents: Sequence[Parent[Tree]],
    n: int,
    note: dict[str, JSON],
) -> Offspring[Tree]:
    """Read up to ``n`` trees; copies of parents are kept as in the paper, but marked.

    Copies are detected by text, in which thresholds and leaves are rounded as shown.
    """
    rejected: Counter[str] = Counter()
    known = {asking.written(parent) for parent in parents}
    genomes: list[Tree] = []
    notes: list[dict[str, JSON]] = []
    calls: list[list[str]] = []
    for reply in replies:
        found = asking.read(reply, rejected)
        if found is None or found.tree is None or len(genomes) == n:
            continue
        own = {**note, **reading_note(found)}
        if reply.tokens:
            own["logprob"] = [reply.logprob, reply.logprob / len(reply.tokens)]
        if asking.text(found.tree) in known:
            own["copy"] = True
        genomes.append(found.tree)
        notes.append(own)
        calls.append([reply.key])
    return Offspring(genomes, notes, dict(rejected), (), n, len(genomes), calls)
