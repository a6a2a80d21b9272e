"""Scoring: a program as a problem of the engine, scored by the user's evaluator."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite

from evollm.errors import EvollmError
from evollm.types import Outcome
from operators.programs.prompting import FAILED, FEEDBACK
from problems.programs.folder import Task
from problems.programs.sandbox.judge import SCORE
from problems.programs.sandbox.limits import Limits
from problems.programs.sandbox.verdict import Verdict, judged

_FAILURES = ("traceback", "failure", "error")
_PRINTED = 1000


@dataclass(frozen=True)
class ScoredPrograms:
    """Scores blocks by the ``combined_score`` of the user's evaluator; larger is better.

    Other numbers are metrics. Texts and the end of what was printed go into the outcome's ``info``,
    from where the next prompt takes them. A failed evaluation is a failed outcome with its cause.

    Attributes:
        task: The task.
        limits: What one evaluation may use.
    """

    task: Task
    limits: Limits = field(default_factory=Limits)
    elementwise = True
    name = "program"

    def evaluate(
        self, genomes: Sequence[str], fidelity: int | None, seed: int
    ) -> Iterator[Outcome]:
        """Yield an outcome per block; neither a fidelity nor a seed is passed to the evaluator.

        Raises:
            EvollmError: If even the initial program can't be scored.
        """
        for block in genomes:
            verdict = self.verdict(block)
            if verdict.error is not None and block == self.task.block:
                raise EvollmError(
                    f"the initial program of {self.task.name} can't be scored: {verdict.error}"
                    f"{_last_line(verdict.texts)}; mend it, {self.task.evaluator.name} or the "
                    "limits"
                )
            yield outcome(verdict)

    def verdict(self, block: str) -> Verdict:
        """Return all that is known of one evaluation of a block."""
        task = self.task
        return judged(task.frame.whole(block), "program" + task.frame.suffix, task.evaluator,
                      self.limits)  # fmt: skip


def outcome(verdict: Verdict) -> Outcome:
    """Return an evaluation as the engine knows it."""
    texts = dict(verdict.texts)
    if printed := verdict.output.strip():
        texts["printed"] = printed[-_PRINTED:]
    if verdict.leftovers and verdict.error is None:
        texts["processes"] = f"{verdict.leftovers} still ran at the end and were killed"
    metrics = {name: value for name, value in verdict.numbers.items() if name != SCORE}
    score = verdict.numbers.get(SCORE, -inf)
    error = verdict.error
    if error is None and not isfinite(score):
        error = f"{SCORE} is {score}"
    info = {FEEDBACK: texts, FAILED: error is not None or _broken(score, verdict.texts)}
    return Outcome(score, metrics, error, info)


def _broken(score: float, texts: Mapping[str, str]) -> bool:
    """Return whether an evaluator says by a text that the program failed, and scores it 0 or less.

    Evaluators for OpenEvolve catch the errors of programs and return a score all the same.
    """
    named = any(word in name.lower() for name in texts for word in _FAILURES)
    return score <= 0 and named


def _last_line(texts: Mapping[str, str]) -> str:
    """Return where an error was raised, if there is a traceback."""
    places = [line.strip() for line in texts.get("traceback", "").splitlines() if "File " in line]
    return f" ({places[-1]})" if places else ""
