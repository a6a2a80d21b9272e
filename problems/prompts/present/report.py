"""A run for prompts described: the pruned prompt beside the unpruned one, and its files."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from math import isnan
from pathlib import Path

import numpy as np

from evollm.report.page import Curve, Report, Section, Table
from evollm.report.plots import best_so_far, drawn_files
from evollm.report.sections import faults, found, made, spent
from evollm.runtime.result import Result
from evollm.store import queries, rows
from evollm.types import JSON
from problems.prompts.evidence import infos, scored, scores
from problems.prompts.methods.front import Front
from problems.prompts.present.curves import plot_front
from problems.prompts.present.difference import RESAMPLES, Difference
from problems.prompts.present.picture import boxed, pieces, terminal
from problems.prompts.pruned import Pruned, pruned
from problems.prompts.system import PromptQuine
from problems.prompts.tokens import Mask

SETS = {"search": "search", "select": "selection", "test": "test"}
"""What the sets of examples are called."""


def report(system: PromptQuine, result: Result[Mask]) -> Report:
    """Return what a search for a pruned prompt came to, and how it came.

    Args:
        system: The search that was run.
        result: What it came to.
    """
    record = result.record
    chosen = [found(record)]
    if _known(result):
        known = pruned(system, result)
        chosen = [_prompt(known), _scores(known), _prunings(known), *_front(known), _curves(known)]
    took = spent(record, queries.usage(record))
    return Report("Pruned prompt", [*chosen, took, made(record), faults(record)])


def files(system: PromptQuine, result: Result[Mask], folder: Path) -> list[Path]:
    """Write the chosen prompt and, where there is one, the front; return the files.

    Pictures are written where matplotlib is installed.
    """
    if not _known(result):
        return []
    known = pruned(system, result)
    (folder / "prompt.txt").write_text(known.text, encoding="utf-8")
    known.save(folder / "prompt.json")
    written = ["prompt.txt", "prompt.json"]
    written += drawn_files(folder / "prompt.png", known.picture)
    written += drawn_files(folder / "curve.png", known.curve)
    if isinstance(system.method, Front):
        members, metric = front(known), system.task.headline
        text = json.dumps({"metric": metric, "front": members}, indent=2, ensure_ascii=False)
        (folder / "front.json").write_text(text + "\n", encoding="utf-8")
        written += ["front.json"]
        written += drawn_files(folder / "front.png", lambda file: plot_front(members, metric, file))
    return [folder / name for name in written]


def html(pruned: Pruned) -> str:
    """Return a pruned prompt as a picture with its scores, for a notebook; everything is escaped.

    Args:
        pruned: What a search came to.
    """
    picture = boxed(pieces(pruned.system.problem.prompt, pruned.mask))
    section = _scores(pruned)
    facts = {**_prompt(pruned).facts, **section.facts}
    lines = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in facts.items())
    tables = "".join(table.html() for table in section.tables)
    return f"{picture}{tables}<table>{lines}</table>"


def front(pruned: Pruned) -> list[dict[str, JSON]]:
    """Return the prompts that no other one beats in accuracy or length, the shortest first.

    Each with its id, the number of prunable tokens that it keeps, its text, and by set the mean of
    each metric.

    Args:
        pruned: What a search by ``Front`` came to.
    """
    system, result = pruned.system, pruned.result
    born = scored(result)
    return [
        {
            "candidate": one.id,
            "tokens": int(np.sum(one.genome)),
            "text": system.write(one),
            **{
                name: {metric: score.mean for metric, score in by_metric.items()}
                for name, by_metric in scores(result, one.id, born).items()
            },
        }
        for one in sorted(system.front(result), key=lambda one: int(np.sum(one.genome)))
    ]


def _known(result: Result[Mask]) -> bool:
    """Tell whether a prompt was scored, so that one can be chosen."""
    return result.best is not None and result.best.error is None


def _prompt(pruned: Pruned) -> Section:
    """Return the prompt with what was pruned in brackets, and its lengths."""
    problem = pruned.system.problem
    prompt, size = problem.prompt, int(np.sum(pruned.mask))
    before, after = len(prompt.ids), len(pruned.ids)
    facts = {
        "chosen": _chosen(pruned),
        "tokens": f"{after} of {before}; of the {len(prompt.free)} that can be pruned {size} stay",
        "given to the model as": f"{problem.mode} (to {pruned.prompt.model})",
    }
    if problem.mode != "ids":
        again = len(prompt.tokenizer.encode(pruned.text))
        facts["cut into tokens again"] = (
            f"its text is {again} tokens" if again != after else f"its text is {again} tokens, too"
        )
    return Section("Prompt", facts, terminal(pieces(prompt, pruned.mask)))


def _chosen(pruned: Pruned) -> str:
    where = f"candidate {pruned.candidate}, the best on the"
    by_search = "select" not in pruned.scores or not pruned.system.method.reranks
    return f"{where} {'search' if by_search else 'selection'} examples"


def _scores(pruned: Pruned) -> Section:
    """Return both prompts' scores on each set, and what the test says of their difference."""
    rows_ = list(_score_rows(pruned))
    title = "means over examples ± standard error"
    if "test" in pruned.scores:
        title += "; search and selection scores helped to choose the prompt, the test's did not"
    columns = ("examples", "metric", "unpruned", "pruned")
    facts = {**_differences(pruned), **_ties(pruned), **_unlisted(pruned)}
    return Section("Scores", facts, tables=[Table(columns, rows_, title)])


def _score_rows(pruned: Pruned) -> Iterator[list[object]]:
    for name, by_metric in pruned.scores.items():
        for metric, score in by_metric.items():
            before = pruned.unpruned.get(name, {}).get(metric)
            known = None if before is None else str(before)
            yield [f"{score.examples} {SETS[name]}", metric, known, str(score)]


def _differences(pruned: Pruned) -> dict[str, str]:
    """Return for each metric how the pruned prompt differs on the test examples."""
    before, after = (one.get("test", {}) for one in (pruned.unpruned, pruned.scores))
    return {
        f"{metric} gained": f"{Difference.of(before[metric].values, after[metric].values).text()}, "
        f"on {after[metric].examples} test examples, paired, {RESAMPLES:,} resamples"
        for metric in after
        if metric in before
    }


def _ties(pruned: Pruned) -> dict[str, str]:
    """Return how many examples have several best labels."""
    known = infos(pruned.result, pruned.candidate, scored(pruned.result))
    counts = [
        f"{int(sum(info['ties']))} of {len(info['ties'])} {SETS[name]}"
        for name, info in known.items()
        if "ties" in info
    ]
    return {"ties": f"{', '.join(counts)} examples (the first label counts)"} if counts else {}


def _unlisted(pruned: Pruned) -> dict[str, str]:
    """Return for how many examples an endpoint did not list all labels, if for any."""
    known = [one.info for one in rows.evaluations(pruned.result.record)]
    known += [one.outcome.info for one in pruned.result.finals]
    count = sum(info.get("missing", 0) for info in known if info)
    if not count:
        return {}
    return {
        "labels not listed": f"on {count} examples, where they count as the least likely listed"
    }


def _prunings(pruned: Pruned) -> Section:
    """Return the way from the unpruned prompt to the chosen one."""
    best, table = -np.inf, []
    for one in pruned.prunings:
        known = not isnan(one.fitness)
        best = max(best, one.fitness) if known else best
        lost = " ".join(repr(text) for text in one.dropped)
        score = one.fitness if known else None
        table.append([one.candidate, int(np.sum(one.mask)), score, best if known else None, lost])
    columns = ("candidate", "tokens", pruned.system.units["fitness"].name, "best so far", "pruned")
    title = "prunable tokens and search scores, from the unpruned prompt to the chosen one"
    return Section("Prunings", tables=[Table(columns, table, title)])


def _front(pruned: Pruned) -> list[Section]:
    """Return the front, where there is one."""
    if not isinstance(pruned.system.method, Front):
        return []
    metric = pruned.system.task.headline
    members = front(pruned)
    sets = [name for name in SETS if any(name in one for one in members)]
    table = [
        [one["candidate"], one["tokens"], *(one.get(name, {}).get(metric) for name in sets)]
        for one in members
    ]
    columns = ("candidate", "tokens", *(f"{metric}, {SETS[name]}" for name in sets))
    return [Section("Front", tables=[Table(columns, table, "prunable tokens kept")])]


def _curves(pruned: Pruned) -> Section:
    """Return accuracy against length, and the best so far; they are for plots."""
    units, metric = pruned.system.units["fitness"], pruned.system.task.headline
    best = best_so_far(pruned.result.record)
    course = [(n, units.value(value)) for n, value in enumerate(best.tolist(), 1)]
    lines: Mapping[str, list[tuple[float, float]]] = {
        "best prompt of a length": [(float(n), value) for n, _, value in pruned.points]
    }
    return Section(
        "",
        curves=[
            Curve(f"{metric} against length", "prunable tokens kept", metric, lines),
            Curve("best so far", "prompts scored", units.name, {"best so far": course}),
        ],
    )
