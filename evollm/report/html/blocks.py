"""Facts, tables, texts and lineages as elements."""

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from evollm.report.html.elements import clean, data, node
from evollm.report.html.thumbnails import thumbnail
from evollm.report.page import Curve, Lineage, Section, Table, written_cell
from evollm.types import JSON

LONG = 300
"""Characters of a fact from which it is folded."""


def section(of: Section) -> Iterator[Element]:
    """Yield a section's heading, facts, text, curves and tables, for a notebook."""
    drawn = [made for one in of.curves if isinstance(one, Curve) and (made := thumbnail(one))]
    if of.title and (of.facts or of.text or drawn or of.tables):
        yield node("h4", of.title)
    if of.facts:
        lines = (node("tr", node("th", name), node("td", said)) for name, said in of.facts.items())
        yield node("table", *lines)
    if of.text:
        yield node("pre", of.text)
    yield from drawn
    yield from map(table, of.tables)


def facts(found: Mapping[str, str]) -> Element:
    """Return facts as a list of names and values."""
    made = node("dl")
    for name, said in found.items():
        made.append(node("div", node("dt", name), node("dd", said_text(said))))
    return made


def said_text(said: str) -> Element:
    """Return a text as it is, folded if it is long."""
    if len(said) <= LONG:
        return node("span", said)
    head = " ".join(said[:LONG].split())
    return node("details", node("summary", f"{head} …"), node("pre", said))


def table(of: Table) -> Element:
    """Return a table; columns of numbers are aligned on the right."""
    numeric = of.numeric()
    kinds = ["number" if right else None for right in numeric]
    head = [
        node("th", name, scope="col", class_=kind)
        for name, kind in zip(of.columns, kinds, strict=True)
    ]
    body = [
        node("tr", *(_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)))
        for row in of.rows
    ]
    return node(
        "table",
        node("caption", of.title) if of.title else None,
        node("thead", node("tr", *head)),
        node("tbody", *body),
    )


def _cell(cell: object, kind: str | None) -> Element:
    text = written_cell(cell)
    return node("td", said_text(text) if len(text) > LONG else text, class_=kind)


def lineage(of: Lineage, place: str) -> Element:
    """Return a lineage as data for the page's script, and without it the line of fittest parents.

    Args:
        of: The lineage.
        place: A name for it that no other one on the page has.
    """
    line = Table(
        ("candidate", "step", "operator", of.name),
        [(str(one.candidate), one.step, one.operator, one.value) for one in of.line],
        "The result, its fittest parent, that one's fittest parent, and so on",
    )
    return node(
        "div",
        node("div", table(line), class_="lineage", data_of=place),
        node("p", of.note, class_="note") if of.note else None,
        data(place, _lineage(of)),
    )


def _lineage(of: Lineage) -> JSON:
    """Return a lineage as JSON in which each text occurs once."""
    texts: dict[str, int] = {}

    def kept(text: str) -> int:
        return texts.setdefault(clean(text), len(texts))

    ancestors = [
        {
            "id": one.candidate,
            "parents": list(one.parents),
            "step": one.step,
            "operator": kept(one.operator),
            "value": clean(one.value),
            "better": one.better,
            "genome": kept(one.genome),
            "error": kept(one.error),
            "note": kept(one.note),
            "asked": [
                [kept(text) for text in (ask.prompt, ask.answer, ask.error, ask.facts)]
                for ask in one.asked
            ],
        }
        for one in of.ancestors.values()
    ]
    return {
        "root": of.root,
        "name": clean(of.name),
        "line": [one.candidate for one in of.line],
        "ancestors": ancestors,
        "texts": list(texts),
    }
