"""The report and the files of a search for trees."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from evollm.report.page import Report, Section, Table
from evollm.report.plots import drawn_files
from evollm.report.sections import faults, found, spent
from evollm.runtime.result import Result
from evollm.store import queries
from evollm.store.record import Record
from evollm.types import JSON, Individual
from operators.trees.columns import Columns
from operators.trees.genome import Tree, depth, merged, size
from problems.trees.data.case import plain, user_value
from problems.trees.model.objectives import named
from problems.trees.model.pruning import idle
from problems.trees.present.drawing import draw
from problems.trees.present.export import to_dict, to_dot, to_json, to_python, to_rules
from problems.trees.present.pictures import plot_front
from problems.trees.present.tally import OperatorStats
from problems.trees.system import LLEGO


def report(system: LLEGO, result: Result[Tree]) -> Report:
    """Return the report of a search for trees, with the chosen tree.

    Args:
        system: The search that was run.
        result: Its result.
    """
    record = result.record
    chosen = [] if not _scored(result) else [_tree(system, result), *_scores(system, result)]
    sections = [found(record), *chosen, spent(record, queries.usage(record)), _made(record)]
    return Report("Decision trees", [*sections, faults(record)])


def files(system: LLEGO, result: Result[Tree], folder: Path) -> list[Path]:
    """Write the chosen tree in all formats, and the front if any; return the files."""
    if not _scored(result):
        return []
    tree = merged(system.fitted(system.choose(result)).tree)
    title = f"{system.holdout.table.name}: {system.holdout.table.target}" if system.holdout else ""
    written = tree_files(system.problem.columns, tree, title, folder)
    if system.objectives:
        written += front_files(_front(system, result), system.objectives, folder)
    return written


def tree_files(columns: Columns, tree: Tree, title: str, folder: Path) -> list[Path]:
    """Write a tree in all formats, with a drawing if matplotlib is installed; return the files."""
    texts = {
        "tree.json": to_json(tree, columns) + "\n",
        "tree.txt": to_rules(tree, columns),
        "tree.dot": to_dot(tree, columns),
        "tree.py": to_python(tree, columns, exact=True),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    drawn = drawn_files(folder / "tree.png", lambda file: draw(tree, file, columns, title))
    return [folder / name for name in [*texts, *drawn]]


def front_files(
    members: Sequence[Mapping[str, JSON]], objectives: Sequence[str], folder: Path
) -> list[Path]:
    """Write a front as JSON and, if matplotlib is installed, as a figure; return the files."""
    found = {"objectives": list(objectives), "front": list(members)}
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    (folder / "front.json").write_text(text, encoding="utf-8")
    drawn = drawn_files(folder / "front.png", lambda file: plot_front(members, objectives, file))
    return [folder / name for name in ["front.json", *drawn]]


def _scored(result: Result[Tree]) -> bool:
    """Return whether any tree was scored, so that one can be chosen."""
    return result.best is not None and result.best.error is None


def _tree(system: LLEGO, result: Result[Tree]) -> Section:
    """Return the chosen tree as rules."""
    individual = system.choose(result)
    tree = merged(system.fitted(individual).tree)
    where = "training" if system.problem.valid is None else "validation"
    facts = {"tree": f"candidate {individual.id}, the best on the {where} rows"}
    facts["size"] = f"{size(tree)}, depth {depth(tree)}"
    if spare := idle(tree, system.problem.train.X):
        facts["idle splits"] = f"{spare} do not separate any training rows"
    return Section("Tree", facts, to_rules(tree, system.problem.columns).rstrip())


def _scores(system: LLEGO, result: Result[Tree]) -> list[Section]:
    """Return the objectives of the chosen tree on each part of the rows, and the front's if any."""
    if system.objectives:
        members = _front(system, result)
        rows = [[m["candidate"], *(_cell(m, name) for name in system.objectives)] for m in members]
        columns = ("candidate", *(name.replace("_", " ") for name in system.objectives))
        tested = any("test" in member for member in members)
        title = "training rows (test rows in brackets)" if tested else "training rows"
        return [Section("Front", tables=[Table(columns, rows, title)])]
    parts = _parts(system, result, system.choose(result))
    names = list(parts["train"])
    table = [
        [name.replace("_", " "), *(part.get(name) for part in parts.values())] for name in names
    ]
    return [Section("Scores", tables=[Table(("objective", *parts), table)])]


def _parts(
    system: LLEGO, result: Result[Tree], individual: Individual[Tree]
) -> dict[str, dict[str, float | None]]:
    """Return an individual's objectives on each part of the rows, as users know them."""
    found = {"train": _values(individual.metrics, "", system)}
    if system.problem.valid is not None:
        found["valid"] = _values(individual.metrics, "valid_", system)
    finals = {one.id: one for one in result.finals if one.error is None}
    if individual.id in finals:
        found["test"] = _values(finals[individual.id].metrics, "valid_", system)
    return found


def _values(metrics: Mapping[str, float], prefix: str, system: LLEGO) -> dict[str, float | None]:
    known = {
        name: user_value(name, metrics[prefix + name])
        for name in (named(objective) for objective in system.problem.objectives)
        if prefix + name in metrics
    }
    return plain(known)


def _front(system: LLEGO, result: Result[Tree]) -> list[dict[str, JSON]]:
    """Return the front's trees with their scores, in descending order of fitness."""
    members = []
    for one in sorted(system.front(result), key=lambda one: -one.fitness):
        tree = system.fitted(one).tree
        sizes = {"size": size(tree), "depth": depth(tree)}
        written = to_dict(tree, system.problem.columns)
        members.append(
            {"candidate": one.id, **sizes, **_parts(system, result, one), "tree": written}
        )
    return members


def _cell(member: Mapping[str, JSON], name: str) -> str:
    if name in member:
        return str(member[name])
    train, test = (member.get(part, {}).get(name) for part in ("train", "test"))
    known = "none" if train is None else f"{train:.4g}"
    return known if test is None else f"{known} ({test:.4g})"


def _made(record: Record) -> Section:
    """Return the children of each operator, and the number of duplicates."""
    stats = OperatorStats.of(record)
    columns = ("operator", "trees", "better than parents", "same as a parent", "valid answers")
    rows = [
        [
            name,
            made.children,
            f"{made.better / made.born:.1%}" if made.born else None,
            f"{made.copies / made.born:.1%}" if made.born else None,
            None if made.valid is None else f"{made.valid:.1%} of {made.answers}",
        ]
        for name, made in stats.made.items()
    ]
    depths = ", ".join(f"{stats.depths[level]} of {level}" for level in sorted(stats.depths))
    facts = {
        "duplicates": f"{stats.duplicates} of {stats.scored} trees predict the same on the "
        "training rows as an earlier one",
        "depths": depths or "none",
    }
    if stats.repaired or stats.outside:
        facts["kept"] = (
            f"{stats.repaired} trees with brackets added, {stats.outside} thresholds beyond the "
            "known range of their column"
        )
    return Section("Operators", facts, tables=[Table(columns, rows)])
