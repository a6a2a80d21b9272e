"""Mutation and crossover by a language model, for anything that can be written as text."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evollm.errors import EvollmError
from evollm.llm.base import Completion, LanguageModel, Mode, Prompt, Sampling
from evollm.types import Individual, Offspring, Parent, merit_of

SEEDS = 2**31
PLAIN_STOP = ("\n\n", "\nScore")
_FENCED = re.compile(r"```[^\n]*\n(.*?)\n?```", re.DOTALL)
_QUOTES = ('"', "'", "`")


def plain_text(text: str) -> str:
    """Return a text unchanged.

    Raises:
        ValueError: If it is empty.
    """
    if not text:
        raise ValueError("an empty text")
    return text


@dataclass(frozen=True)
class TextCodec:
    """How genomes are written in prompts and read in answers.

    Attributes:
        write: Maps a genome to its text.
        read: Maps a text to a genome; a ``ValueError`` or ``EvollmError`` rejects the answer. The
            text is untrusted: parse it, never execute it.
        noun: Name of a genome in the prompt, such as ``slogan``.
        info: Whether parents are shown with the ``info`` of their outcomes.
        fitness: Whether parents are shown with their fitness.
    """

    write: Callable[[Any], str] = str
    read: Callable[[str], Any] = plain_text
    noun: str = "candidate"
    info: bool = False
    fitness: bool = True


SAMPLING = Sampling(max_tokens=256)
"""The default sampling of text operators."""


@dataclass(frozen=True)
class _Prompting:
    """The common part of text operators: model, task and sampling."""

    model: LanguageModel
    task: str
    wording: TextCodec = field(default_factory=TextCodec)
    sampling: Sampling = SAMPLING
    rounds: int = 2

    @property
    def io_bound(self) -> bool:
        """True, because the call waits for a model."""
        return True


@dataclass(frozen=True)
class TextMutation(_Prompting):
    """Asks a model to change one genome.

    Attributes:
        model: The language model.
        task: The goal in a few sentences; the model sees it first.
        wording: How genomes are written and read; by default as strings.
        sampling: How the model is asked; its seed gives way to that of the job. Without ``stop``
            texts, plain mode stops at an empty line and at the next score.
        rounds: How often the model is asked: again, with other seeds, for what is missing.
    """

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return up to ``n`` children; several parents take turns, each in its own prompt."""
        groups = [[i] for i in range(len(parents))] or [[]]
        sizes = [len(range(i, n, len(groups))) for i in range(len(groups))]
        request = f"Write one changed {self.wording.noun} that should score higher."
        return _asked(self, parents, groups, sizes, request, seed)


@dataclass(frozen=True)
class TextCrossover(_Prompting):
    """Asks a model to recombine several genomes, shown from the least fit to the fittest.

    Without parents it asks for a new genome, so that it also makes initial populations.

    Attributes:
        model: The language model.
        task: The goal in a few sentences; the model sees it first.
        wording: How genomes are written and read; by default as strings.
        sampling: How the model is asked; its seed gives way to that of the job. Without ``stop``
            texts, plain mode stops at an empty line and at the next score.
        rounds: How often the model is asked: again, with other seeds, for what is missing.
    """

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return up to ``n`` children of all parents, samples of one prompt."""
        order = sorted(range(len(parents)), key=lambda i: merit_of(parents[i]))
        noun = self.wording.noun
        request = (
            f"Write one new {noun} that joins what is good in these and should score higher."
            if parents
            else f"Write one {noun}."
        )
        return _asked(self, parents, [order], [n], request, seed)


def _asked(
    operator: _Prompting,
    parents: Sequence[Parent[Any]],
    groups: Sequence[Sequence[int]],
    sizes: Sequence[int],
    request: str,
    seed: int,
) -> Offspring[Any]:
    """Send one prompt per group of parents, and ask again for missing children."""
    wording, mode = operator.wording, operator.sampling.mode
    known = {wording.write(parent.genome) for parent in parents}
    rejected: Counter[str] = Counter()
    made: list[list[tuple[Any, str]]] = [[] for _ in groups]
    for attempt in range(operator.rounds):
        short = [i for i, size in enumerate(sizes) if len(made[i]) < size]
        if not short:
            break
        prompts = [
            _prompt(operator.task, wording, [parents[k] for k in groups[i]], request, mode)
            for i in short
        ]
        most = max(sizes[i] - len(made[i]) for i in short)
        first = (seed + attempt * 7919) % SEEDS
        for i, replies in zip(short, _complete(operator, prompts, most, first), strict=True):
            for reply in replies:
                if read := _read(reply, wording, known, rejected):
                    made[i].append((*read, reply.key))
    whole = [(i, *child) for i, size in enumerate(sizes) for child in made[i][:size]]
    own = [list(groups[i]) for i, _, _ in whole]
    calls = [[key] for _, _, key in whole]
    genomes = [genome for _, genome, _ in whole]
    return Offspring(genomes, (), dict(rejected), own, sum(sizes), len(genomes), calls)


def _complete(
    operator: _Prompting, prompts: Sequence[Prompt], n: int, seed: int
) -> list[list[Completion]]:
    sampling = operator.sampling
    stop = sampling.stop or (() if sampling.mode == "chat" else PLAIN_STOP)
    return operator.model.complete(prompts, replace(sampling, stop=stop, seed=seed), n)


def _prompt(
    task: str, wording: TextCodec, parents: Sequence[Parent[Any]], request: str, mode: Mode
) -> Prompt:
    shown = [_shown(parent, wording) for parent in parents]
    noun = wording.noun
    if mode == "plain":
        ask = f"A better {noun}:" if parents else f"A {noun}:"
        return "\n\n".join([task, *shown, ask]) + "\n"
    head = [f"The {noun}s so far; a higher score is better." if wording.fitness else ""]
    end = f"{request} Answer with the {noun} alone, without a word before or after it."
    text = "\n\n".join([task, *(head + shown if parents else []), end])
    return [{"role": "user", "content": text}]


def _shown(parent: Parent[Any], wording: TextCodec) -> str:
    """Write one parent with its score and information."""
    text = wording.write(parent.genome)
    if not isinstance(parent, Individual):
        return text
    broken = f", violating constraints by {parent.violation:.4g}" if parent.violation else ""
    head = f"Score {parent.fitness:.4g}{broken}:\n" if wording.fitness else ""
    info = parent.outcome.info
    return f"{head}{text}" + (f"\nIts evaluation said: {info}" if wording.info and info else "")


def _read(
    reply: Completion, wording: TextCodec, known: set[str], rejected: Counter[str]
) -> tuple[Any] | None:
    """Return the genome in an answer; if there is none, count the reason."""
    if reply.error:
        rejected["unusable completion"] += 1
        return None
    try:
        genome = wording.read(bare(reply.text))
        text = wording.write(genome)
    except (ValueError, TypeError, KeyError, IndexError, EvollmError):
        rejected["unreadable answer"] += 1
        return None
    if text in known:
        rejected["copy of a parent"] += 1
        return None
    return (genome,)


def bare(text: str) -> str:
    """Return an answer without a surrounding fence, quotes or white space."""
    fenced = _FENCED.search(text)
    found = (fenced[1] if fenced else text).strip()
    for quote in _QUOTES:
        if len(found) > 1 and found[0] == found[-1] == quote and "\n" not in found:
            return found[1:-1].strip()
    return found
