"""The lineage of a candidate, down to the prompts and answers that made it and its ancestors."""

import json
from collections.abc import Mapping, Sequence
from math import inf

from evollm.report.page import Ancestor, Asked, Lineage
from evollm.store import families
from evollm.store.codec import shown
from evollm.store.families import Birth, Exchange, Score
from evollm.store.record import Record
from evollm.units import Units

MOST, LINE = 500, 300
"""Candidates of a lineage at most, and how many of them may be the line of fittest parents."""

CUT, TEXTS, CALLS = 20_000, 3_000_000, 4
"""Characters of one text, bytes of all texts, and calls of a candidate; all at most."""


def ancestors(births: Mapping[int, Birth], root: int) -> list[int]:
    """Return a candidate and its ancestors, the nearest generations first."""
    found, seen = [root], {root}
    for number in found:
        for parent in births[number].parents if number in births else ():
            if parent not in seen:
                seen.add(parent)
                found.append(parent)
    return found


def lineage(record: Record, root: int, units: Units) -> Lineage:
    """Return how a candidate came about.

    The line of fittest parents is kept first, then the nearest ancestors.

    Args:
        record: The run's.
        root: Id of the candidate.
        units: Of its fitness.
    """
    births = families.births(record)
    everyone = [number for number in ancestors(births, root) if number in births]
    scores = families.scores(record, everyone)
    parents = {number: _fittest_first(births[number].parents, scores) for number in everyone}
    kept = _kept(root, everyone, parents)
    texts = _Texts(record, {number: births[number] for number in kept})
    told = {
        number: _ancestor(births[number], parents[number], scores, texts, units) for number in kept
    }
    left = len(everyone) - len(kept)
    note = f"{left} more ancestors are not on this page." if left else ""
    return Lineage(root, told, units.name, note)


def _fittest_first(parents: Sequence[int], scores: Mapping[int, Score]) -> list[int]:
    def rank(number: int) -> tuple[float, float, int]:
        merit = scores[number].merit if number in scores else (-inf, -inf)
        return (*merit, -number)

    return sorted(dict.fromkeys(parents), key=rank, reverse=True)


def _kept(root: int, everyone: Sequence[int], parents: Mapping[int, Sequence[int]]) -> list[int]:
    """Return the ids of the ancestors to show."""
    line = [root]
    while len(line) < LINE and (nearest := parents.get(line[-1])):
        line.append(nearest[0])
    return list(dict.fromkeys([*line, *everyone]))[:MOST]


def _ancestor(
    birth: Birth,
    parents: Sequence[int],
    scores: Mapping[int, Score],
    texts: "_Texts",
    units: Units,
) -> Ancestor:
    score = scores.get(birth.candidate)
    before = [scores[one].merit for one in parents if one in scores]
    better = bool(score and before and not score.bound and score.merit > max(before))
    asked, note = texts.asked(birth)
    return Ancestor(
        birth.candidate,
        parents,
        birth.step,
        birth.operator,
        value(score, units),
        better,
        texts.genome(birth, score),
        (score and score.error) or "",
        asked,
        note,
    )


def value(score: Score | None, units: Units) -> str:
    """Return a score in the user's units, or that there is none."""
    if score is None:
        return "not evaluated"
    if score.error is not None:
        return "failed"
    text = f"bound {units.text(score.fitness)}" if score.bound else units.text(score.fitness)
    return f"{text}, violation {score.violation:.6g}" if score.violation else text


class _Texts:
    """Genomes, prompts and answers of a lineage, up to a number of bytes."""

    def __init__(self, record: Record, births: Mapping[int, Birth]) -> None:
        self._left = TEXTS
        self._written: set[str] = set()
        self._stored = families.written(record, births)
        self._keys = families.answer_keys(record, births)
        self._calls: dict[int, list[Exchange]] = {}
        for one in families.exchanges(record, {birth.job for birth in births.values()}):
            self._calls.setdefault(one.job, []).append(one)

    def genome(self, birth: Birth, score: Score | None) -> str:
        known = score.text if score else None
        text = cut(str(shown(self._stored[birth.candidate])) if known is None else known)
        return text if self._fits([text]) else "It is not on this page."

    def asked(self, birth: Birth) -> tuple[list[Asked], str]:
        """Return the answers that made a candidate, and what is left out."""
        calls = self._calls.get(birth.job, [])
        keys = self._keys.get(birth.candidate)
        own = [one for one in calls if one.key in keys] if keys else calls
        found = [told(one) for one in own[:CALLS]]
        if not self._fits([text for one in found for text in (one.prompt, one.answer)]):
            return [], "Its prompt and answer are not on this page."
        note = f"{len(own) - CALLS} more calls are not on this page." if len(own) > CALLS else ""
        if len(own) > 1 and not keys:
            note = f"The record does not say which of these answers it was made from. {note}"
        return found, note.strip()

    def _fits(self, texts: Sequence[str]) -> bool:
        """Count texts, equal ones once; return whether there is room for them."""
        fresh = set(texts) - self._written
        size = sum(map(_bytes, fresh))
        if size > self._left:
            return False
        self._left -= size
        self._written |= fresh
        return True


def _bytes(text: str) -> int:
    """Return the size of a text on a page, where marks of HTML take six bytes."""
    return len(text.encode(errors="replace")) + 5 * sum(map(text.count, "<>&"))


def told(exchange: Exchange) -> Asked:
    """Return a model call as text."""
    took = exchange.took
    sent, received = took.tokens
    facts = [took.model, f"{sent} + {received} tokens"]
    facts.append("from the cache" if took.cached else f"{took.seconds:.2f} s")
    if took.cost:
        facts.append(f"cost {took.cost:.4g}")
    answer = str((exchange.answer or {}).get("text", ""))
    return Asked(cut(prompt(exchange.request)), cut(answer), took.error or "", ", ".join(facts))


def prompt(request: Mapping[str, object]) -> str:
    """Return the prompt of a request as text; of a chat, its messages below their roles."""
    asked = request.get("prompt")
    if isinstance(asked, str):
        return asked
    if not isinstance(asked, list):
        return json.dumps(asked, ensure_ascii=False)
    return "\n\n".join(
        f"[{one.get('role', 'message')}]\n{one.get('content', '')}"
        if isinstance(one, dict)
        else str(one)
        for one in asked
    )


def cut(text: str, most: int = CUT) -> str:
    """Return the beginning of a text, with a note of how many characters are left out."""
    return text if len(text) <= most else f"{text[:most]}\n[{len(text) - most} more characters]"
