"""Edits of a program by a language model, which sees scores, feedback and failures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Literal, TypeAlias

from evollm.llm.base import Completion, LanguageModel, Prompt, Sampling
from evollm.types import JSON, Individual, Offspring, Parent
from operators.programs.answers import edited
from operators.programs.source import Frame, Unusable
from operators.programs.wording import Wording

SEEDS = 2**31
FEEDBACK = "feedback"
"""The key in an outcome's ``info`` with the texts of the evaluation, by name."""
FAILED = "failed"
"""The key in an outcome's ``info`` that marks a failure which has a score all the same."""
LANGUAGES = {
    ".c": "c", ".cpp": "cpp", ".go": "go", ".java": "java", ".jl": "julia", ".js": "javascript",
    ".py": "python", ".r": "r", ".rs": "rust", ".ts": "typescript", ".txt": "text",
}  # fmt: skip
Form: TypeAlias = Literal["diff", "rewrite"]
SAMPLING = Sampling(max_tokens=4096)
"""The default sampling."""


def failed(parent: Parent[Any]) -> bool:
    """Return whether a program's evaluation failed, or found that it does not work."""
    if not isinstance(parent, Individual):
        return False
    info = parent.outcome.info
    return parent.error is not None or bool(isinstance(info, Mapping) and info.get(FAILED))


@dataclass(frozen=True)
class ProgramEdits:
    """Asks a model to change the first parent's block; the other parents are shown beside it.

    Of the other parents, those that failed are shown with their causes, as edits to avoid.

    Attributes:
        model: The language model.
        frame: The fixed parts of the program.
        wording: The texts of the prompt.
        task: What the program is for; may be empty.
        form: Whether the model is asked for edits or for a whole block; both are read in either
            case.
        sampling: How the model is asked; its seed gives way to that of the job.
        rounds: How often the model is asked: again, with the reason, in place of unusable answers.
        longest: Most characters of each text of the evaluation that is shown.
        unit: Name of the score.
    """

    model: LanguageModel
    frame: Frame
    wording: Wording
    task: str = ""
    form: Form = "diff"
    sampling: Sampling = SAMPLING
    rounds: int = 2
    longest: int = 1500
    unit: str = field(default="combined_score", metadata={"parameter": False})

    @property
    def io_bound(self) -> bool:
        """True, because the call waits for a model."""
        return True

    def vary(self, parents: Sequence[Parent[str]], n: int, seed: int) -> Offspring[str]:
        """Return up to ``n`` children of the first parent."""
        block = parents[0].genome
        known = {self.frame.key(parent.genome) for parent in parents}
        rejected: Counter[str] = Counter()
        made: list[tuple[str, JSON, str]] = []
        reasons: dict[int, str] = dict.fromkeys(range(n), "")
        for attempt in range(self.rounds):
            if not reasons:
                break
            places = list(reasons)
            prompts = [self.prompt(parents, reasons[place]) for place in places]
            answers = self._asked(prompts, (seed + attempt * 7919) % SEEDS)
            for place, answer in zip(places, answers, strict=True):
                try:
                    child, form = self._read(answer, block, known)
                except Unusable as reason:
                    reasons[place] = str(reason)
                    rejected[reason.kind] += 1
                else:
                    del reasons[place]
                    known.add(self.frame.key(child))
                    made.append((child, {"form": form}, answer.key))
        own = [list(range(len(parents)))] * len(made)
        genomes, notes, keys = ([one[i] for one in made] for i in range(3))
        calls = [[key] for key in keys]
        return Offspring(genomes, notes, dict(rejected), own, n, len(made), calls)

    def prompt(self, parents: Sequence[Parent[str]], reason: str = "") -> Prompt:
        """Return the prompt for the first parent.

        Args:
            parents: The program to change, and those to show.
            reason: Why an earlier answer could not be used; empty if there is none.
        """
        text = "\n\n".join(part for part in self._parts(parents, reason) if part)
        system = self.wording.write("system")
        messages = [{"role": "system", "content": system}] if system else []
        return [*messages, {"role": "user", "content": text}]

    def _parts(self, parents: Sequence[Parent[str]], reason: str) -> Iterator[str]:
        words = self.wording
        language = LANGUAGES.get(self.frame.suffix.lower(), "")
        shown = {self.frame.key(parents[0].genome)}
        if self.task:
            yield words.write("task", task=self.task.strip())
        if self.frame.head or self.frame.tail:
            fixed = {"head": self.frame.head.rstrip(), "tail": self.frame.tail.rstrip()}
            yield words.write("frame", language=language, **fixed)
        for parent in parents[1:]:
            if (key := self.frame.key(parent.genome)) in shown:
                continue
            shown.add(key)
            code = {"language": language, "code": parent.genome.rstrip()}
            if failed(parent):
                yield words.write("failure", error=self._feedback(parent), **code)
            else:
                yield words.write("example", **self._scores(parent), **code)
        first = {"language": language, "code": parents[0].genome.rstrip()}
        yield words.write("program", **self._scores(parents[0]), **first)
        if feedback := self._feedback(parents[0]):
            yield words.write("feedback", feedback=feedback)
        yield words.write(self.form, language=language)
        if reason:
            yield words.write("again", reason=reason)

    def _scores(self, parent: Parent[str]) -> dict[str, str]:
        if not isinstance(parent, Individual):
            return {"score": f"{self.unit}: not known", "metrics": ""}
        score = "failed" if parent.error else f"{parent.fitness:.6g}"
        more = [
            f"{name}: {value:.6g}"
            for name, value in parent.metrics.items()
            if isinstance(value, float) and isfinite(value)
        ]
        return {"score": f"{self.unit}: {score}", "metrics": ", ".join(more)}

    def _feedback(self, parent: Parent[str]) -> str:
        """Return the error and the texts of a program's evaluation."""
        if not isinstance(parent, Individual):
            return ""
        info = parent.outcome.info
        texts = info.get(FEEDBACK, {}) if isinstance(info, Mapping) else {}
        lines = [parent.error] if parent.error else []
        lines += [f"{name}: {_end(str(text), self.longest)}" for name, text in texts.items()]
        return "\n".join(lines)

    def _asked(self, prompts: Sequence[Prompt], seed: int) -> list[Completion]:
        """Return an answer per prompt; equal prompts are samples of one request."""
        found: dict[int, Completion] = {}
        texts = [repr(prompt) for prompt in prompts]
        for number, text in enumerate(dict.fromkeys(texts)):
            places = [i for i, other in enumerate(texts) if other == text]
            sampling = replace(self.sampling, seed=(seed + number * 104_729) % SEEDS)
            [answers] = self.model.complete([prompts[places[0]]], sampling, len(places))
            found |= dict(zip(places, answers, strict=True))
        return [found[i] for i in range(len(prompts))]

    def _read(self, answer: Completion, block: str, known: set[str]) -> tuple[str, str]:
        if answer.error:
            raise Unusable(f"the answer is unusable: {answer.error}")
        child, form = edited(answer.text, block, self.frame)
        if self.frame.key(child) in known:
            raise Unusable("the program is one of those shown")
        return child, form


def _end(text: str, longest: int) -> str:
    """Return the end of a text; the end of a traceback says most."""
    text = text.strip()
    return text if len(text) <= longest else f"[...] {text[-longest:]}"
