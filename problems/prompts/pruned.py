"""What a search for a pruned prompt came to, and the pruned prompt as a file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evollm import EvollmError, Individual, Result
from evollm.paths import anchored
from evollm.store import queries, rows
from evollm.types import JSON
from problems.prompts.data.task import Task
from problems.prompts.fitness import SELECT, TEST
from problems.prompts.tokens import Mask, Mode

if TYPE_CHECKING:
    from problems.prompts.system import PromptQuine

FORMAT = "evollm pruned prompt 1"


@dataclass(frozen=True)
class PrunedPrompt:
    """A pruned prompt with all that is needed to use it again.

    Attributes:
        text: The prompt with its slots open.
        ids: The tokens that stay, those of the slots included.
        mode: How it was given to the model.
        model: The model's name; the tokenizer is its own.
        fingerprint: What identifies the model: name, commit, SHA-256.
        task: The task's name.
        kind: What kind of task.
        labels: The label words in their order; empty if there are none.
        block: The question with its slots, up to the answer field.
        slots: The slots that an example fills.
        joint: What stands between the answer field and the answer.
        unpruned: The unpruned prompt.
    """

    text: str
    ids: tuple[int, ...]
    mode: Mode
    model: str
    fingerprint: Mapping[str, JSON]
    task: str
    kind: str
    labels: tuple[str, ...]
    block: str
    slots: tuple[str, ...]
    joint: str
    unpruned: str

    def save(self, path: str | Path) -> Path:
        """Write it as JSON; return the file.

        Raises:
            EvollmError: If the file can't be written.
        """
        file = anchored(path)
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=2, ensure_ascii=False)
        try:
            file.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise EvollmError(f"{file} can't be written: {error.strerror}") from None
        return file

    @classmethod
    def load(cls, path: str | Path) -> "PrunedPrompt":
        """Read what ``save`` wrote.

        Raises:
            EvollmError: If there is no such file, or it holds something else.
        """
        file = anchored(path)
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise EvollmError(f"{file} can't be read: {error.strerror}") from None
        except ValueError:
            kept = None
        if not isinstance(kept, dict) or kept.pop("format", None) != FORMAT:
            raise EvollmError(f"{file} is not a pruned prompt: give a file that save() wrote")
        names = {item.name for item in fields(cls)}
        if set(kept) != names:
            raise EvollmError(f"{file} lacks {', '.join(sorted(names - set(kept))) or 'nothing'}")
        lists = {name: tuple(kept[name]) for name in ("ids", "labels", "slots")}
        return cls(**{**kept, **lists})

    def as_task(self) -> Task:
        """Return the task without its examples."""
        kind: Any = self.kind
        return Task(self.task, kind, self.labels, self.block, self.slots, self.joint)


@dataclass(frozen=True, slots=True)
class Score:
    """A metric on one set of examples.

    Attributes:
        mean: Over the examples.
        error: Standard error of the mean.
        examples: How many there are.
        values: Of each example.
    """

    mean: float
    error: float
    examples: int
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> "Score":
        """Return the score of values per example."""
        found = np.asarray(values, dtype=np.float64)
        spread = found.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else 0.0
        return cls(float(found.mean()), float(spread), len(found), tuple(found.tolist()))

    def __str__(self) -> str:
        return f"{self.mean:.4g} ± {self.error:.2g}"


Scores = Mapping[str, Mapping[str, Score]]
"""By set (``search``, ``select``, ``test``), then by metric."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """One step on the way from the unpruned prompt to the chosen one.

    Attributes:
        candidate: Its id in the run.
        mask: The tokens that it keeps.
        text: The prompt.
        dropped: The tokens that it lacks and its parent has, as text.
        fitness: Its search score.
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
        scores: Its scores; only sets that the task has are there.
        unpruned: The unpruned prompt's scores.
        prunings: The steps from the unpruned prompt to it, that one first.
        points: For each number of prunable tokens the best search score and accuracy (or the task's
            first metric) of a prompt that keeps so many.
        result: All else: usage, population, ``dataframe()``, record.
        system: The search.
    """

    prompt: PrunedPrompt
    mask: Mask
    scores: Scores
    unpruned: Scores
    prunings: Sequence[Pruning]
    points: Sequence[tuple[int, float, float]]
    result: Result[Mask]
    system: "PromptQuine"

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
    chosen = system.choose(result)
    born = {one.candidate: one for one in rows.evaluations(result.record)}
    first = min(born)
    steps = _prunings(system, result, chosen.id, born)
    return Pruned(
        prompt=_saved(system, chosen),
        mask=np.asarray(chosen.genome),
        scores=_scores(result, chosen.id, born),
        unpruned=_scores(result, first, born),
        prunings=steps,
        points=_points(system, list(born.values())),
        result=result,
        system=system,
    )


def _saved(system: "PromptQuine", chosen: Individual[Mask]) -> PrunedPrompt:
    problem, task = system.problem, system.task
    prompt, mask = problem.prompt, np.asarray(chosen.genome)
    return PrunedPrompt(
        text=problem.write(mask),
        ids=tuple(int(prompt.ids[place]) for place in np.flatnonzero(prompt.kept(mask))),
        mode=problem.mode,
        model=system.reader.name,
        fingerprint=dict(system.reader.fingerprint),
        task=task.name,
        kind=task.kind,
        labels=task.labels,
        block=task.block,
        slots=task.slots,
        joint=task.joint,
        unpruned=prompt.template.text,
    )


def _scores(
    result: Result[Mask], candidate: int, born: Mapping[int, rows.Evaluation]
) -> dict[str, dict[str, Score]]:
    """Return a prompt's scores by set and metric, from what each example scored."""
    infos: dict[str, JSON] = {"search": born[candidate].info if candidate in born else None}
    for name, rung in (("select", SELECT), ("test", TEST)):
        infos[name] = next(
            (
                one.outcome.info
                for one in result.finals
                if one.id == candidate and one.fidelity == rung and one.error is None
            ),
            None,
        )
    return {
        name: {metric: Score.of(values) for metric, values in info.items() if metric != "ties"}
        for name, info in infos.items()
        if info
    }


def _prunings(
    system: "PromptQuine", result: Result[Mask], chosen: int, born: Mapping[int, rows.Evaluation]
) -> list[Pruning]:
    line, number = [], chosen
    while True:
        found = queries.candidate(result.record, number)
        line.append(found)
        if not found.parents:
            break
        number = found.parents[0]
    known = {one.text: one.fitness for one in born.values()}  # copies took over their scores
    steps, before = [], system.problem.prompt.whole
    for one in reversed(line):
        mask = np.asarray(one.genome)
        dropped = system.problem.prompt.spelt(before & ~mask)
        text = system.problem.write(mask)
        steps.append(Pruning(one.id, mask, text, dropped, known[text]))
        before = mask
    return steps


def _points(
    system: "PromptQuine", scored: Sequence[rows.Evaluation]
) -> list[tuple[int, float, float]]:
    metric = "accuracy" if "accuracy" in system.task.metrics else system.task.metrics[0]
    best: dict[int, rows.Evaluation] = {}
    for one in scored:
        if one.error is None and not one.bound:
            length = int(one.metrics["length"])
            if length not in best or one.fitness > best[length].fitness:
                best[length] = one
    return [(n, best[n].fitness, best[n].metrics[metric]) for n in sorted(best)]
