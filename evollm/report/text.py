"""The text report of a run directory, for ``evollm show``."""

import json
from collections.abc import Mapping

from evollm.errors import EvollmError
from evollm.report.history import origin
from evollm.report.lineage import prompt
from evollm.report.page import Report, Section
from evollm.report.sections import overview, units_of
from evollm.store import queries, rows
from evollm.store.record import Record
from evollm.types import JSON


def summary(record: Record) -> str:
    """Return the text of ``described``."""
    return described(record).text()


def described(record: Record) -> Report:
    """Return a run's settings, its result, what it spent, and what was rejected and why."""
    config = record.get("config", {})
    facts = origin(record) | {part: _pairs(said) for part, said in config.items()}
    events = [f"{kind:<7} {detail}" for _, kind, detail in rows.events(record)]
    head = Section("", facts, "\n".join(events))
    report = overview(record)
    return Report(report.title, [head, *report.sections])


def _pairs(said: object) -> str:
    """Write one part of a configuration without unset values."""
    if not isinstance(said, dict):
        return str(said)
    return ", ".join(f"{name} {value}" for name, value in said.items() if value is not None)


def ancestry(record: Record, candidate: int, depth: int = 4) -> str:
    """Return a candidate's ancestors, each once, and the model's answers it was made from.

    Args:
        record: The run.
        candidate: An id.
        depth: Number of generations of ancestors.

    Raises:
        EvollmError: If the run has no such candidate, or the depth is negative.
    """
    if depth < 0:
        raise EvollmError(f"--depth must be 0 or more, not {depth}")
    lines = _lineage(record, candidate, depth)
    job, keys = rows.birth(record, candidate)
    for call in rows.calls(record, job):
        if keys and call.key not in keys:
            continue
        lines += ["", "asked", _prompt(call.request)]
        lines += ["answered" if call.error is None else f"answered, but {call.error}"]
        lines += [_indented(str((call.answer or {}).get("text", "")))]
    return "\n".join(lines)


def _lineage(record: Record, candidate: int, depth: int) -> list[str]:
    """Write one line per ancestor, generation by generation, at its first occurrence."""
    lines, seen, generation = [], {candidate}, [candidate]
    for level in range(depth + 1):
        parents = []
        for number in generation:
            line, own = _line(record, number)
            lines.append("  " * level + line)
            parents += [parent for parent in own if parent not in seen]
            seen.update(own)
        generation = list(dict.fromkeys(parents))
    if generation:
        lines.append(f"and {len(generation)} more before them: see --depth")
    return lines


def _line(record: Record, number: int) -> tuple[str, tuple[int, ...]]:
    """Write a candidate with its value, genome and parents; return the line and the parents."""
    child = queries.candidate(record, number)
    units = units_of(record)["fitness"]
    known = rows.scored(record, number)
    value = f"{units.name} {units.text(known[0])}" if known else "not evaluated"
    if violation := rows.violation(record, number):
        value += f", violation {violation:.6g}"
    text = known[1] if known and known[1] is not None else str(child.genome)
    born = f"step {child.step}, {child.operator}"
    if child.parents:
        born += f" of {', '.join(map(str, child.parents))}"
    return f"{number}: {value}, {born}: {' '.join(text.split())[:120]}", child.parents


def _prompt(request: Mapping[str, JSON]) -> str:
    """Write a request: the text or the messages, and the parameters."""
    parameters = {name: value for name, value in request.items() if name != "prompt"}
    written = _indented(prompt(request))
    return f"{written}\n{_indented(json.dumps(parameters, ensure_ascii=False))}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
