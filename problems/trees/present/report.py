"""A run for trees described: the tree that it chose, as text and as files, and how it came."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError
from evollm.runtime.result import Result
from evollm.types import JSON, Individual
from operators.trees.genome import Tree, depth, merged, size
from operators.trees.line import printable
from problems.trees.data.case import PARTS, HoldoutTask, plain
from problems.trees.model.pruning import idle
from problems.trees.present.drawing import draw
from problems.trees.present.export import to_dict, to_dot, to_json, to_python, to_rules
from problems.trees.present.pictures import plot_front
from problems.trees.present.tally import Made, OperatorStats
from problems.trees.system import LLEGO


def report(case: HoldoutTask, system: LLEGO, result: Result[Any]) -> str:
    """Return the report on a run, and put its tree and its front into the run directory, if any.

    Args:
        case: The rows.
        system: The search that was run.
        result: What it came to.
    """
    lines = list(counted(OperatorStats.of(result.record)))
    try:
        individual = system.chosen(result)
    except EvollmError:
        return "\n".join(lines)
    tree = merged(system.fitted(individual).tree)
    lines += _tree(case, individual, tree)
    members = _front(case, system, result) if system.objectives else []
    if members:
        lines += _members(members, system.objectives)
    if result.path is not None:
        files = tree_files(case, tree, result.path)
        if members:
            files += front_files(members, system.objectives, result.path)
        lines.append(_line("files", f"{', '.join(files)} in {result.path}"))
    return "\n".join(lines)


def counted(tally: OperatorStats) -> Iterator[str]:
    """Yield lines that say how a search went."""
    for name, made in tally.made.items():
        yield _line("made by", f"{name}: {_made(made)}")
    for reason, count in tally.rejected.most_common():
        yield _line("rejected", f"{count} x {reason}")
    if tally.repaired or tally.outside:
        yield _line(
            "kept",
            f"{tally.repaired} trees with brackets added, "
            f"{tally.outside} thresholds beyond the known range of their column",
        )
    yield _line(
        "duplicates",
        f"{tally.duplicates} of {tally.scored} trees say the same of the training rows as an "
        "earlier one",
    )
    found = ", ".join(f"{tally.depths[level]} of {level}" for level in sorted(tally.depths))
    yield _line("depths", found or "none")


def tree_files(case: HoldoutTask, tree: Tree, folder: Path) -> list[str]:
    """Write a tree in every form, the picture where matplotlib is installed; return the names."""
    columns = case.problem.columns
    texts = {
        "tree.json": to_json(tree, columns) + "\n",
        "tree.txt": to_rules(tree, columns),
        "tree.dot": to_dot(tree, columns),
        "tree.py": to_python(tree, columns, exact=True),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    title = f"{case.table.name}: {case.table.target}"
    drawn = _drawn(folder / "tree.png", lambda file: draw(tree, file, columns, title))
    return [*texts, *drawn]


def front_files(
    members: Sequence[Mapping[str, JSON]], objectives: Sequence[str], folder: Path
) -> list[str]:
    """Write a front as JSON and, where matplotlib is installed, as a picture; return the names."""
    found = {"objectives": list(objectives), "front": list(members)}
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    (folder / "front.json").write_text(text, encoding="utf-8")
    drawn = _drawn(folder / "front.png", lambda file: plot_front(members, objectives, file))
    return ["front.json", *drawn]


def _drawn(file: Path, drawing: Callable[[Path], Path]) -> list[str]:
    """Return the name of a picture that could be drawn; else nothing, and no old one is left."""
    try:
        drawing(file)
    except EvollmError:
        file.unlink(missing_ok=True)
        return []
    return [file.name]


def _tree(case: HoldoutTask, individual: Individual[Any], tree: Tree) -> Iterator[str]:
    """Yield the chosen tree with its scores."""
    spare = idle(tree, case.problem.train.X)
    telling = f", splits that tell no training rows apart: {spare}" if spare else ""
    yield _line(
        "tree",
        f"candidate {individual.id}, the best on the validation rows: size {size(tree)}, depth "
        f"{depth(tree)}{telling}",
    )
    scores = case.scores(individual.genome)
    yield _line("scores", f"{'':<20}" + "".join(f"{part:>10}" for part in PARTS))
    for name in scores["train"]:
        cells = "".join(f"{scores[part][name]:>10.4g}" for part in PARTS)
        yield _line("", f"{name.replace('_', ' '):<20}{cells}")
    yield _line("rules", printable(case.table.target))
    yield from (f"  {line}" for line in to_rules(tree, case.problem.columns).splitlines())


def _front(case: HoldoutTask, system: LLEGO, result: Result[Any]) -> list[dict[str, JSON]]:
    """Return the front's trees with their scores, in falling order of the fitness."""
    members = []
    for one in sorted(system.front(result), key=lambda one: -one.fitness):
        tree = system.fitted(one).tree
        sizes = {"size": size(tree), "depth": depth(tree)}
        parts = {part: plain(found) for part, found in case.scores(one.genome).items()}
        written = to_dict(tree, case.problem.columns)
        members.append({"candidate": one.id, **sizes, **parts, "tree": written})
    return members


def _members(members: Sequence[Mapping[str, JSON]], objectives: Sequence[str]) -> Iterator[str]:
    """Yield the front's objectives on the training rows and, in brackets, on the test rows."""
    heads = "".join(f"{name.replace('_', ' '):>26}" for name in objectives)
    yield _line("front", f"{'candidate':<10}{heads}")
    for member in members:
        cells = [_cell(member, name) for name in objectives]
        yield _line("", f"{member['candidate']:<10}" + "".join(f"{cell:>26}" for cell in cells))


def _cell(member: Mapping[str, JSON], name: str) -> str:
    if name in member:
        return str(member[name])
    values = (member[part][name] for part in ("train", "test"))
    train, test = ("none" if value is None else f"{value:.4g}" for value in values)
    return f"{train} (test {test})"


def _made(made: Made) -> str:
    parts = [f"{made.children} trees"]
    if made.born:
        parts.append(f"{made.better / made.born:.1%} fitter than all their parents")
        parts.append(f"{made.copies / made.born:.1%} the same as one of them")
    if made.valid is not None:
        parts.append(f"{made.valid:.1%} of {made.answers} answers valid")
    return ", ".join(parts)


def _line(title: str, text: str) -> str:
    return f"{title:<14}{text}".rstrip()
