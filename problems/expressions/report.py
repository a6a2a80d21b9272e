"""The report and the files of a search for expressions."""

import json
from pathlib import Path

from evollm.report.page import Report, Section, Table
from evollm.report.sections import faults, found, made, spent
from evollm.runtime.result import Result
from evollm.store import queries
from evollm.types import Individual
from operators.deap.genomes import Expression
from operators.expressions.genome import height
from problems.expressions.system import TEST, VALID, SymbolicRegression


def report(system: SymbolicRegression, result: Result[Expression]) -> Report:
    """Return the report of a search, with the chosen formula.

    Args:
        system: The search that was run.
        result: Its result.
    """
    record = result.record
    chosen = [] if result.best is None else [_formula(system, result), *_front(system, result)]
    spending = spent(record, queries.usage(record))
    parts = [found(record), *chosen, spending, made(record), faults(record)]
    return Report("Symbolic regression", parts)


def files(system: SymbolicRegression, result: Result[Expression], folder: Path) -> list[Path]:
    """Write the chosen formula in all forms, and the front if any; return the files."""
    if result.best is None:
        return []
    formula = system.formula(system.choose(result))
    texts = {
        "formula.txt": f"{system.target} = {formula.text(None)}\n",
        "formula.py": formula.python(),
        "formula.tex": formula.latex() + "\n",
    }
    if system.settings.parsimony:
        members = [
            {
                "candidate": one.id,
                "size": len(one.genome),
                "formula": system.formula(one).text(None),
                **_scores(one, result),
            }
            for one in _members(system, result)
        ]
        texts["front.json"] = json.dumps(members, indent=2) + "\n"
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _formula(system: SymbolicRegression, result: Result[Expression]) -> Section:
    """Return the chosen formula with its scores on each part of the rows."""
    chosen = system.choose(result)
    formula = system.formula(chosen)
    facts = {
        "formula": f"{system.target} = {formula.text()}",
        "size": f"{len(chosen.genome)}, height {height(chosen.genome)}, candidate {chosen.id}",
    }
    for word, name in zip(formula.variables, formula.names, strict=True):
        if word != name:
            facts[word] = name
    failed = [one.error for one in result.finals if one.id == chosen.id and one.error]
    if failed:
        facts["held-out rows"] = f"no score: {failed[0]}"
    scores = _scores(chosen, result)
    parts = [part for part in ("train", "valid", "test") if f"{part}_r2" in scores]
    rows = [[part, scores[f"{part}_r2"], scores[f"{part}_nrmse"]] for part in parts]
    return Section("Formula", facts, tables=[Table(("rows", "R2", "NRMSE"), rows)])


def _scores(one: Individual[Expression], result: Result[Expression]) -> dict[str, float]:
    """Return R2 and NRMSE of an individual on each part of the rows."""
    scores = {"train_r2": one.metrics["r2"], "train_nrmse": -one.fitness}
    for final in result.finals:
        for part in (VALID, TEST):
            if final.id == one.id and final.error is None and f"{part}r2" in final.metrics:
                scores[f"{part}r2"] = final.metrics[f"{part}r2"]
                scores[f"{part}nrmse"] = -final.metrics[f"{part}nrmse"]
    return scores


def _members(
    system: SymbolicRegression, result: Result[Expression]
) -> list[Individual[Expression]]:
    return sorted(system.front(result), key=lambda one: len(one.genome))


def _front(system: SymbolicRegression, result: Result[Expression]) -> list[Section]:
    """Return the front from the smallest expression, if the search was for one."""
    if not system.settings.parsimony:
        return []
    rows = [
        [one.id, len(one.genome), -one.fitness, one.metrics["r2"], system.formula(one).text()]
        for one in _members(system, result)
    ]
    columns = ("candidate", "size", "NRMSE", "R2", "formula")
    return [Section("Front", tables=[Table(columns, rows, "training rows")])]
