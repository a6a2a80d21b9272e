"""The text report: what a run directory holds, for ``evollm show``."""

import json
from collections import Counter

from evollm.cli.commands import Plan
from evollm.report.progress import cost
from evollm.store import queries
from evollm.store.record import Record
from evollm.types import Individual, Outcome


def summary(record: Record, plan: Plan | None = None) -> str:
    """Return what a run was asked, what it spent and found, and what was thrown away and why.

    Args:
        record: The run.
        plan: Its words for fitness and genomes; None for plain ones.
    """
    usage = queries.usage(record)
    config, versions = record.get("config", {}), record.get("versions", {})
    steps = record.rows("SELECT coalesce(max(step), 0) FROM jobs WHERE told IS NOT NULL")[0][0]
    events = record.rows("SELECT kind, detail FROM events ORDER BY id")
    lines = [
        f"run         {record.path}",
        f"made by     evollm {versions.get('evollm')}, Python {versions.get('python')}",
        *(f"{part:<11} {_pairs(said)}" for part, said in config.items()),
        f"spent       {usage.evaluations} evaluations ({usage.failed} failed), "
        f"{steps} generations, {usage.seconds:.1f} s",
    ]
    if usage.calls:
        lines.append(
            f"model       {usage.calls} calls ({usage.cached_calls} cached, "
            f"{usage.failed_calls} of no use), {usage.prompt_tokens} + {usage.completion_tokens} "
            f"tokens, cost {cost(usage)}"
        )
    lines += [f"{kind:<11} {detail}" for kind, detail in events]
    lines += _counts("rejected", queries.rejections(record)) + _counts("failed", _failures(record))
    if usage.evaluations:
        lines.append(_best(record, plan))
    return "\n".join(lines)


def _best(record: Record, plan: Plan | None) -> str:
    """Write the best candidate, in the problem's own words if there are any."""
    number, fitness = record.rows(
        "SELECT candidate, fitness FROM outcomes ORDER BY fitness DESC, candidate LIMIT 1"
    )[0]
    if plan is None:
        return f"best        fitness {fitness:.6g} (larger is better), candidate {number}"
    one = Individual(queries.candidate(record, number), Outcome(fitness))
    value = f"{plan.value(fitness)} ({plan.label})"
    return f"best        {value} at {plan.show(one)}, candidate {number}"


def _pairs(said: object) -> str:
    """Write one part of a configuration, without what is not set."""
    if not isinstance(said, dict):
        return str(said)
    return ", ".join(f"{name} {value}" for name, value in said.items() if value is not None)


def _failures(record: Record) -> Counter[str]:
    """Count failed evaluations and calls, by what went wrong."""
    found = record.rows("SELECT error FROM outcomes UNION ALL SELECT error FROM calls")
    return Counter(error for (error,) in found if error is not None)


def _counts(title: str, counts: Counter[str]) -> list[str]:
    return [f"{title:<11} {n} x {reason}" for reason, n in counts.most_common(12)]


def ancestry(record: Record, candidate: int, plan: Plan | None = None, depth: int = 4) -> str:
    """Return a candidate's family tree with what the model was asked and said for its birth.

    Args:
        record: The run.
        candidate: An id.
        plan: The run's words for fitness and genomes; None for plain ones.
        depth: How many generations of ancestors.

    Raises:
        EvollmError: If the run has no such candidate.
    """
    lines: list[str] = []
    _descend(record, candidate, plan, depth, "", lines, set())
    job = record.rows("SELECT job FROM candidates WHERE id = ?", (candidate,))[0][0]
    calls = record.rows(
        "SELECT request, answer, error FROM calls WHERE job = ? ORDER BY id", (job,)
    )
    for request, answer, error in calls:
        lines += ["", "asked", _indented(request), "answered" if error is None else error]
        lines += [_indented(answer)] if answer else []
    return "\n".join(lines)


def _descend(
    record: Record,
    candidate: int,
    plan: Plan | None,
    depth: int,
    indent: str,
    lines: list[str],
    seen: set[int],
) -> None:
    """Write one line a candidate, its parents below it."""
    child = queries.candidate(record, candidate)
    fitness = record.rows("SELECT max(fitness) FROM outcomes WHERE candidate = ?", (candidate,))[0][
        0
    ]
    scored = "not evaluated" if fitness is None else f"fitness {fitness:.6g}"
    genome = str(child.genome)
    if plan is not None and fitness is not None:
        scored = f"{plan.label} {plan.value(fitness)}"
        genome = plan.show(Individual(child, Outcome(fitness)))
    again = candidate in seen
    genome = genome.replace("\n", " ")[:80]
    lines.append(f"{indent}{candidate}: {scored}, step {child.step}, {child.operator}: {genome}")
    seen.add(candidate)
    if depth and not again:
        for parent in child.parents:
            _descend(record, parent, plan, depth - 1, indent + "  ", lines, seen)


def _indented(stored: str) -> str:
    """Write stored JSON readably."""
    text = json.dumps(json.loads(stored), indent=2, ensure_ascii=False)
    return "\n".join(f"  {line}" for line in text.replace("\\n", "\n      ").splitlines())
