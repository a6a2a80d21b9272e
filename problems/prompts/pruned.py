"""What a search for a pruned prompt came to: the prompt, and the evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evollm import Individual, Result
from evollm.store import queries, rows
from evollm.types import Candidate
from problems.prompts.evidence import Scores, scored, scores
from problems.prompts.saved import PrunedPrompt
from problems.prompts.tokens import Mask

if TYPE_CHECKING:
    from problems.prompts.system import PromptQuine


@dataclass(frozen=True, slots=True)
class Pruning:
    """One step on the way from the unpruned prompt to the chosen one.

    Attributes:
        candidate: Its id in the run.
        mask: The tokens that it keeps.
        text: The prompt.
        dropped: The tokens that it lacks and its parent has, as text.
        fitness: Its search score; NaN if it was not scored.
    """

    candidate: int
    mask: Mask
    text: str
    dropped: tuple[str, ...]
    fitness: float


@dataclass(frozen=True, eq=False)
class Pruned:
    """The prompt that a search chose, and the evidence.

    Attributes:
        prompt: The pruned prompt, ready to be saved.
        mask: Which of the prunable tokens it keeps.
        candidate: Its id in the run.
        scores: Its scores; only sets that the task has are there.
        unpruned: The unpruned prompt's scores; empty if it could not be scored.
        prunings: The steps from the unpruned prompt to it, that one first.
        points: For each number of prunable tokens the best search score and accuracy (or the task's
            first metric) of a prompt that keeps so many.
        result: All else: usage, population, ``dataframe()``, record.
        system: The search.
    """

    prompt: PrunedPrompt
    mask: Mask
    candidate: int
    scores: Scores
    unpruned: Scores
    prunings: Sequence[Pruning]
    points: Sequence[tuple[int, float, float]]
    result: Result[Mask]
    system: "PromptQuine"

    def __repr__(self) -> str:
        return f"Pruned({self.text!r})"

    @property
    def text(self) -> str:
        """The pruned prompt's text, its slots open."""
        return self.prompt.text

    @property
    def ids(self) -> tuple[int, ...]:
        """The tokens that stay."""
        return self.prompt.ids

    def save(self, path: str | Path) -> Path:
        """Write the pruned prompt as JSON; see ``PrunedPrompt``."""
        return self.prompt.save(path)

    def report(self) -> Any:
        """Return the report; see ``PromptQuine.report``."""
        return self.system.report(self.result)

    def picture(self, path: str | Path) -> Path:
        """Draw the prompt, what was pruned greyed out; return the file.

        Args:
            path: Where to put the picture; its ending says the format.

        Raises:
            EvollmError: If matplotlib is not installed, or the file can't be written.
        """
        from problems.prompts.present.drawing import draw
        from problems.prompts.present.picture import pieces

        note = f"{np.sum(self.mask)} of {len(self.mask)} prunable tokens stay"
        return draw(pieces(self.system.problem.prompt, self.mask), path, note)

    def curve(self, path: str | Path) -> Path:
        """Draw accuracy against length, and the best search score so far; return the file.

        Args:
            path: Where to put the picture; its ending says the format.

        Raises:
            EvollmError: If matplotlib is not installed, or the file can't be written.
        """
        from problems.prompts.present.curves import plot_curve

        return plot_curve(self, path)

    def _repr_html_(self) -> str:
        """Return the pruned prompt as a picture and its scores, for a notebook."""
        from problems.prompts.present.report import html

        return html(self)


def pruned(system: "PromptQuine", result: Result[Mask]) -> Pruned:
    """Return what a run came to.

    Args:
        system: The search that was run.
        result: What it came to.

    Raises:
        EvollmError: If every evaluation failed.
    """
    chosen, whole = system.choose(result), system.unpruned(result)
    born = scored(result)
    return Pruned(
        prompt=_saved(system, chosen),
        mask=np.asarray(chosen.genome),
        candidate=chosen.id,
        scores=scores(result, chosen.id, born),
        unpruned={} if whole is None else scores(result, whole.id, born),
        prunings=_prunings(system, result, chosen.id, born),
        points=_points(system, list(born.values())),
        result=result,
        system=system,
    )


def _saved(system: "PromptQuine", chosen: Individual[Mask]) -> PrunedPrompt:
    problem, task = system.problem, system.task
    prompt, mask = problem.prompt, np.asarray(chosen.genome)
    places = np.flatnonzero(prompt.kept(mask))
    return PrunedPrompt(
        text=problem.write(mask),
        ids=tuple(int(prompt.ids[place]) for place in places),
        token_slots=tuple(prompt.slots[place] for place in places),
        mode=problem.mode,
        model=system.reader.name,
        tokenizer=system.reader.tokenizer.name,
        fingerprint=dict(system.reader.fingerprint),
        task=task.name,
        kind=task.kind,
        labels=task.labels,
        block=task.block,
        slots=task.slots,
        joint=task.joint,
        closing=task.closing,
        unpruned=prompt.template.text,
    )


def _prunings(
    system: "PromptQuine", result: Result[Mask], chosen: int, born: Mapping[int, rows.Evaluation]
) -> list[Pruning]:
    steps: list[Pruning] = []
    problem, before = system.problem, system.problem.prompt.whole
    for one in _line(system, result, chosen):
        mask = np.asarray(one.genome)
        dropped = problem.prompt.spelt(before & ~mask)
        fitness = born[one.id].fitness if one.id in born else nan
        steps.append(Pruning(one.id, mask, problem.write(mask), dropped, fitness))
        before = mask
    return steps


def _line(system: "PromptQuine", result: Result[Mask], chosen: int) -> list[Candidate[Mask]]:
    """Return a candidate's forebears from the unpruned prompt on, and itself."""
    line = [queries.candidate(result.record, chosen)]
    while line[0].parents:
        line.insert(0, queries.candidate(result.record, line[0].parents[0]))
    whole = system.unpruned(result)
    if whole is not None:
        first = [] if np.all(line[0].genome) else line
        line = [whole.candidate, *(first or line[1:])]
    return line


def _points(
    system: "PromptQuine", evaluations: Sequence[rows.Evaluation]
) -> list[tuple[int, float, float]]:
    best: dict[int, rows.Evaluation] = {}
    for one in evaluations:
        if one.error is None and not one.bound:
            length = int(one.metrics["length"])
            if length not in best or one.fitness > best[length].fitness:
                best[length] = one
    return [(n, best[n].fitness, best[n].metrics[system.task.headline]) for n in sorted(best)]
