"""Sections of reports that are read from a run's record."""

from collections import Counter

from evollm.report.calls import calls
from evollm.report.curves import convergence, diversity
from evollm.report.lineage import ancestors, lineage
from evollm.report.page import Report, Section, Table
from evollm.report.progress import cost
from evollm.runtime.budget import Usage, costs
from evollm.store import families, queries, rows
from evollm.store.record import Record
from evollm.units import Units, from_json

SHOWN = 12
"""Maximum number of kinds of failures or rejections that a report lists."""


def overview(record: Record, *more: Section) -> Report:
    """Return what a run found, what it spent, and what its operators made.

    Args:
        record: The run's record.
        more: Additional sections of the system, placed after the result.
    """
    usage = queries.usage(record)
    title = record.get("system") or "Search"
    units = units_of(record)["fitness"]
    course = Section("Convergence", curves=convergence(record, units))
    varied = Section("Diversity", curves=diversity(record))
    parts = [course, ancestry(record), made(record), varied, calls(record), rungs(record)]
    return Report(title, [found(record), *more, spent(record, usage), *parts, faults(record)])


def units_of(record: Record) -> dict[str, Units]:
    """Return a run's units by metric; plain ones if no system recorded any."""
    return from_json(record.get("units", {})) or {"fitness": Units()}


def found(record: Record) -> Section:
    """Return the best candidate in the user's units, and the chosen one if it is another."""
    units = units_of(record)["fitness"]
    facts = {}
    best = queries.best(record)
    if best is not None:
        facts["best"] = described(record, *best, units)
    chosen = record.get("chosen")
    if chosen is not None and (best is None or chosen != best[0]):
        known = rows.scored(record, chosen)
        facts["chosen"] = described(record, chosen, known[0] if known else None, units)
    return Section("", facts)


def result(record: Record) -> int | None:
    """Return the id of the candidate that is the result: the chosen one, or else the best."""
    chosen: int | None = record.get("chosen")
    best = queries.best(record)
    return chosen if chosen is not None or best is None else best[0]


def ancestry(record: Record) -> Section:
    """Return how the result came about; it is shown on a page, and by no text."""
    root = result(record)
    units = units_of(record)["fitness"]
    return Section("Lineage", lineage=None if root is None else lineage(record, root, units))


def described(record: Record, candidate: int, fitness: float | None, units: Units) -> str:
    """Return a candidate in one line: value, genome and id."""
    known = rows.scored(record, candidate)
    text = (
        known[1] if known and known[1] is not None else queries.candidate(record, candidate).genome
    )
    value = "not evaluated" if fitness is None else f"{units.text(fitness)} ({units.name})"
    if violation := rows.violation(record, candidate):
        value += f", infeasible with a violation of {violation:.6g},"
    return f"{value} at {text}, candidate {candidate}"


def spent(record: Record, usage: Usage) -> Section:
    """Return what a run spent."""
    failed = f"({usage.failed} failed)"
    generations = f"{rows.last_step(record)} generations"
    facts = {
        "spent": f"{usage.evaluations} evaluations {failed}, {generations}, {usage.seconds:.1f} s"
    }
    unit = record.get("cost_unit", "")
    if unit or usage.cost != usage.evaluations:
        facts["evaluation cost"] = costs(usage.cost, unit)
    if usage.finals:
        facts["finals"] = f"{usage.finals} scored again after the search"
        if usage.finals_calls:
            facts["finals"] += f", with {usage.finals_calls} model calls"
    if (feasible := rows.feasible(record)) is not None:
        facts["feasible"] = f"{feasible} evaluations satisfy the constraints"
    if usage.bounds:
        facts["cut short"] = f"{usage.bounds} evaluations, whose fitness is only a bound"
    if usage.memo:
        facts["reused"] = f"{usage.memo} scores of equal genomes, without an evaluation"
    if usage.calls:
        counts = f"{usage.calls} calls ({usage.cached_calls} cached, {usage.failed_calls} unusable)"
        tokens = f"{usage.prompt_tokens} + {usage.completion_tokens} tokens"
        facts["model"] = f"{counts}, {tokens}, cost {cost(usage)}"
        share = queries.fallback_share(record)
        facts["fall-backs"] = (
            f"{share:.1%} of the children requested from the model, which it did not supply"
        )
    return Section("", facts)


def rungs(record: Record) -> Section:
    """Return the meaning of each rung, if the flow names it, and the number of evaluations."""
    columns = ("rung", "fidelity", "evaluations", "cut short")
    table = [[name, effort, n, int(cut)] for name, effort, n, cut in rows.rungs(record)]
    return Section("Rungs", tables=[Table(columns, table)] if table else [])


def made(record: Record) -> Section:
    """Return how many children each operator made, and how many of them helped.

    A child helped if it is better than its parents, or an ancestor of the result.
    """
    better = _better(record)
    births, root = families.births(record), result(record)
    line = (
        [births[one].operator for one in ancestors(births, root) if one in births]
        if root is not None
        else []
    )
    table = [
        [
            name,
            of.children,
            better[name],
            line.count(name),
            1 - of.supplied / of.asked if of.asked else None,
        ]
        for name, of in rows.operators(record).items()
    ]
    columns = ("operator", "children", "better than parents", "led to the result", "fall-backs")
    return Section("Operators", tables=[Table(columns, table)] if table else [])


def _better(record: Record) -> Counter[str]:
    """Return the number of children that are better than their parents, by operator."""
    better: Counter[str] = Counter()
    known: dict[int, tuple[float, float]] = {}
    source = rows.reuses(record)
    for one in rows.evaluations(record):
        parents = [parent if parent in known else source.get(parent) for parent in one.parents]
        lived = [known[parent] for parent in parents if parent in known]
        if one.candidate not in known and lived:
            better[one.operator] += one.merit > max(lived) and not one.bound
        known[one.candidate] = one.merit
    return better


def faults(record: Record) -> Section:
    """Return rejections and failures by reason."""
    rejected = rows.rejections(record)
    table = [["rejected", n, reason] for reason, n in rejected.most_common(SHOWN)]
    table += [["failed", n, reason] for reason, n in rows.failures(record).most_common(SHOWN)]
    return Section("Faults", tables=[Table(("what", "times", "reason"), table)] if table else [])
