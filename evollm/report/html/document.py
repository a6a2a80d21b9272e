"""A report as one HTML page that needs nothing else: no network, no other file."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from xml.etree.ElementTree import Element

from evollm.report.html import blocks
from evollm.report.html.charts import chart
from evollm.report.html.elements import node, source, written
from evollm.report.page import Report, Section, Table

LONG = 20
"""Rows of a table from which it is folded."""


@dataclass(frozen=True, slots=True)
class Live:
    """What a page that updates itself must know.

    Attributes:
        version: Changes with the content of the page.
    """

    version: str


def document(report: Report, state: str = "", live: Live | None = None) -> str:
    """Return a report as a page; every text in it is escaped, and no text can become a script.

    Args:
        report: The report; curves are drawn, and a lineage unfolds.
        state: One sentence below the title, such as whether the run goes on.
        live: For a page that asks its server for news; None for a file.
    """
    style, script = _asset("page.css"), _asset("page.js")
    head = node(
        "head",
        node("meta", charset="utf-8"),
        node("meta", http_equiv="Content-Security-Policy", content=policy(style, script, live)),
        node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        node("meta", name="color-scheme", content="light dark"),
        node("title", report.title),
        source("style", style),
    )
    body = node("body", *_body(report, state), source("script", script))
    if live:
        body.set("data-version", live.version)
    return "<!DOCTYPE html>\n" + written(node("html", head, body, lang="en"))


def policy(style: str, script: str, live: Live | None = None) -> str:
    """Return the content security policy of a page: its own style and script, and nothing else."""
    rules = [
        "default-src 'none'",
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'",
        f"connect-src {chr(39)}{'self' if live else 'none'}{chr(39)}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return (files("evollm.report.html") / name).read_text(encoding="utf-8")


def _body(report: Report, state: str) -> Iterator[Element]:
    chapters = [one for one in _chapters(report.sections) if len(one)]
    links = [
        node("li", node("a", title, href=f"#{one.get('id')}"))
        for one in chapters
        if (title := one.findtext("h2"))
    ]
    yield node(
        "header",
        node("h1", report.title),
        node("p", state, id="state", role="status"),
        node("nav", node("ul", *links), id="contents", aria_label="Contents") if links else None,
    )
    empty = node("p", "There is nothing to show yet.")
    yield node("main", *(chapters or [node("section", empty, id="empty")]))


def _chapters(sections: Sequence[Section]) -> Iterator[Element]:
    """Yield one element per section."""
    for place, section in enumerate(sections):
        parts = list(_parts(section, place))
        heading = [node("h2", section.title)] if section.title and parts else []
        yield node("section", *heading, *parts, id=f"section-{place}")


def _parts(section: Section, place: int) -> Iterator[Element]:
    if section.facts:
        yield blocks.facts(section.facts)
    if section.text:
        yield node("pre", section.text)
    if section.curves:
        yield node("div", *map(chart, section.curves), class_="figures")
    for table in section.tables:
        yield _wide(table, section.title)
    if section.lineage:
        yield blocks.lineage(section.lineage, f"lineage-{place}")


def _wide(table: Table, title: str) -> Element:
    """Return a table in a region that scrolls sideways; one of many rows is folded."""
    name = table.title or title or "Table"
    shown = node(
        "div", blocks.table(table), class_="wide", role="region", aria_label=name, tabindex=0
    )
    if len(table.rows) <= LONG:
        return shown
    return node("details", node("summary", f"{name} ({len(table.rows)} rows)"), shown)
