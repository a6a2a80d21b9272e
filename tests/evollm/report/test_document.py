"""The page of a run, read as a browser's parser reads it."""

import json
from base64 import b64encode
from hashlib import sha256
from itertools import pairwise
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from evollm.report.history import page, state
from evollm.report.html.document import document
from evollm.report.html.elements import node, written
from evollm.report.html.scales import Scale, label, spanning
from evollm.report.lineage import CUT
from evollm.report.page import Bars, Curve, Report, Section, Table
from evollm.store.record import Record
from tests.evollm.report.support_hostile import EVIL, MARKS, QUOTES, SCRIPT
from tests.evollm.report.support_page import Page
from tests.support_each import each


@pytest.fixture(scope="module")
def text(hostile: Path) -> str:
    with Record(hostile, write=False) as record:
        return document(page(record), state(record))


@pytest.fixture(scope="module")
def parsed(text: str) -> Page:
    return Page(text)


def lineage(parsed: Page) -> Any:
    [found] = [text for within, text in parsed.texts if within == "script" and text[0] == "{"]
    return json.loads(found)


def test_no_text_of_a_run_becomes_an_element_or_a_script(parsed: Page) -> None:
    assert [one.get("type") for one in parsed.of("script")] == ["application/json", None]
    assert not parsed.of("img")
    assert not parsed.of("b")
    handlers = [name for _, found in parsed.elements for name in found if name.startswith("on")]
    assert handlers == []
    assert SCRIPT in parsed.text("td")
    assert QUOTES in parsed.text("pre")


def test_the_page_asks_for_nothing_and_runs_its_own_script_only(parsed: Page) -> None:
    addresses = [
        value
        for _, found in parsed.elements
        for name, value in found.items()
        if name in ("src", "href", "action", "data", "srcset")
    ]
    assert all(value and value.startswith("#section-") for value in addresses)
    [rules] = [one["content"] for one in parsed.of("meta") if "http-equiv" in one]
    script = next(text for within, text in parsed.texts if within == "script" and text[0] != "{")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert rules
    assert "default-src 'none'" in rules
    assert f"script-src 'sha256-{digest}'" in rules
    assert "unsafe" not in rules
    assert "url(" not in parsed.text("style")


def test_marks_that_cannot_be_seen_are_shown_and_long_texts_are_cut(
    text: str, parsed: Page
) -> None:
    assert not any(mark in text for mark in "\x00\x08\u202e\u2066\ud800")
    assert "[U+202E]reversed[U+2066]" in text
    asked = [one for one in lineage(parsed)["ancestors"] if one["asked"]]
    texts = lineage(parsed)["texts"]
    prompt, answer, error, facts = (texts[place] for place in asked[0]["asked"][0])
    assert prompt.startswith(str(prompt.split()[0]) + " " + SCRIPT)
    assert all(one.endswith(" more characters]") for one in (prompt, answer))
    assert all(CUT < len(one) < CUT + 200 for one in (prompt, answer))
    assert error == ""
    assert SCRIPT in facts
    assert len(text.encode()) < 2e6


def test_the_lineage_leads_from_the_result_to_its_ancestors(hostile: Path, parsed: Page) -> None:
    found = lineage(parsed)
    known = {one["id"]: one for one in found["ancestors"]}
    with Record(hostile, write=False) as record:
        [root] = record.rows("SELECT candidate FROM outcomes ORDER BY fitness DESC LIMIT 1")[0]
    assert found["line"][0] == found["root"] == root
    assert all(parent in known for one in known.values() for parent in one["parents"])
    assert all(known[one]["parents"][0] == next_one for one, next_one in pairwise(found["line"]))
    assert not known[found["line"][-1]]["parents"]


def test_a_page_has_headings_captions_and_names_for_its_pictures(parsed: Page) -> None:
    assert len(parsed.of("h1")) == 1
    linked = {one["href"] for one in parsed.of("a")}
    assert linked <= {f"#{one['id']}" for one in parsed.of("section")}
    for title in ("Convergence", "Lineage", "Operators", "Model calls", "Faults", "Run"):
        assert title in parsed.text("h2")
    assert all(one.get("aria-label") for one in parsed.of("div") if one.get("role") == "img")
    assert all(one.get("scope") == "col" for one in parsed.of("th"))
    assert parsed.of("html")[0]["lang"] == "en"
    assert "The run ended on" in parsed.text("p")


def test_any_report_is_a_page() -> None:
    curves = [
        Curve("two", "evaluations", "value", {EVIL: [(1, 2), (2, 1)], "b": [(1, 1), (2, nan)]}),
        Curve("none", "x", "y", {"a": [], "b": [(1, inf)]}),
        Curve("one", "x", "y", {"a": [(3, 0)]}),
        Bars("bars", "s", "calls", [(0.1, 1, 3), (1, 10, 0)], log=True),
        Bars("no bars", "s", "calls", []),
    ]
    rows = [[n, EVIL * 20] for n in range(30)]
    sections = [
        Section("", {"fact": MARKS}),
        Section("Drawn", curves=curves, text=EVIL),
        Section("Empty"),
        Section("Table", tables=[Table(("number", EVIL), rows)]),
    ]
    found = Page(document(Report(SCRIPT, sections), QUOTES))
    assert [one["id"] for one in found.of("section")] == ["section-0", "section-1", "section-3"]
    assert len(found.of("figure")) == len(curves)
    assert found.text("p").count("There are no values to show.") == 2
    assert found.text("summary").startswith("Table (30 rows)")
    assert "nan" not in "".join(one["d"] or "" for one in found.of("path"))
    assert "There is nothing to show yet." in Page(document(Report("none", []))).text("p")


@each("values, log, ticks", [
    ([0, 100], None, ["0", "20", "40", "60", "80", "100"]),
    ([0, 1], None, ["0", "1"]),
    ([0.5, 1], None, ["0.5", "0.6", "0.7", "0.8", "0.9", "1"]),
    ([1e-5, 1], None, ["1e-5", "0.0001", "0.001", "0.01", "0.1", "1"]),
    ([1, 25], None, ["1", "2", "5", "10", "20"]),
    ([-3, -3], None, ["-4", "-3", "-2"]),
    ([12_345, 12_346], False, ["12,345", "12,346"]),
    ([1, 1e6], False, ["200,000", "400,000", "600,000", "800,000", "1,000,000"]),
])  # fmt: skip
def test_ticks_are_round_and_few(values: list[float], log: bool | None, ticks: list[str]) -> None:
    scale = spanning(values, log)
    assert [label(one) for one in scale.ticks()] == ticks
    assert all(-1e-9 <= scale.at(one) <= 1 + 1e-9 for one in scale.ticks())


def test_a_logarithmic_axis_has_equal_factors_at_equal_distances() -> None:
    scale = Scale(1, 100, log=True)
    assert [scale.at(one) for one in (1, 10, 100, 0)] == pytest.approx([0, 0.5, 1, 0])


def test_elements_hold_texts_between_and_after_each_other() -> None:
    assert written(node("p", "a<", node("b", "&"), "c", None, "\r\nd", hidden=True, id=None)) == (
        '<p hidden="">a&lt;<b>&amp;</b>c\nd</p>'
    )
