"""Curves as pictures, and reports in a notebook."""

from itertools import pairwise
from math import inf, nan
from xml.etree import ElementTree

import pytest

from evollm.report.html.elements import written
from evollm.report.html.thumbnails import HEIGHT, WIDTH, thumbnail
from evollm.report.page import Curve, Report, Section, Table
from tests.evollm.callbacks.support_runs import search
from tests.evollm.report.support_page import Page

BAD = "<script>&\"'"


def svg(curve: Curve) -> str:
    made = thumbnail(curve)
    return "" if made is None else written(made)


def places(picture: str) -> list[tuple[float, float]]:
    """Return the points of the only line of a picture."""
    [line] = ElementTree.fromstring(picture).iter("polyline")
    pairs = [pair.split(",") for pair in line.attrib["points"].split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_a_line_is_drawn_to_scale_without_its_infinite_points() -> None:
    points = [(0, -inf), (1, 10.0), (2, nan), (3, 20.0), (5, 30.0)]
    (left, low), (middle, half), (right, high) = places(svg(Curve("t", "x", "y", {"one": points})))
    assert 0 <= left < middle < right <= WIDTH
    assert 0 <= high < half < low <= HEIGHT
    assert middle == pytest.approx((left + right) / 2)
    assert half == pytest.approx((low + high) / 2)


def test_long_lines_are_thinned_and_keep_their_ends() -> None:
    points = [(float(i), float(i)) for i in range(100_000)]
    drawn = places(svg(Curve("t", "x", "y", {"one": points})))
    assert len(drawn) < 400
    assert drawn[0] == places(svg(Curve("t", "x", "y", {"one": points[::99_999]})))[0]
    assert drawn[-1] == places(svg(Curve("t", "x", "y", {"one": points[::99_999]})))[-1]


def test_names_are_escaped_and_little_is_not_too_little() -> None:
    picture = svg(Curve(BAD, BAD, BAD, {BAD: [(1, 2)], "other": [(1, 2), (3, 2)]}))
    shown = [text for tag, text in Page(picture).texts if tag == "text"]
    assert BAD in shown
    assert "other" in shown
    assert svg(Curve("t", "x", "y", {"one": [(1, nan)], "two": []})) == ""


def test_a_report_is_shown_with_its_curves_and_nothing_unescaped() -> None:
    curve = Curve(BAD, BAD, BAD, {BAD: [(1, 2), (2, 3)]})
    part = Section(BAD, {BAD: BAD}, BAD, [Table([BAD], [[BAD]], BAD)], [curve])
    tags = [tag for tag, _ in Page(Report(BAD, [part])._repr_html_()).elements]
    assert tags.count("svg") == 1
    assert "script" not in tags


def test_a_result_is_shown_with_what_it_found_and_spent() -> None:
    found = search(40)
    page = found._repr_html_()
    ElementTree.fromstring(f"<div>{page}</div>")
    assert repr(found).startswith(f"<Result: fitness {found.fitness:.6g} after 40 evaluations")
    assert f"{-found.fitness:.6g} (value) at [" in page
    assert "40 evaluations" in page
    assert "too &lt;far&gt;" in page
    assert page.count("<svg") == 1


def test_a_value_that_holds_until_the_next_is_drawn_as_a_staircase() -> None:
    drawn = places(svg(Curve("t", "x", "y", {"one": [(0, 1), (1, 3), (2, 5)]}, step=True)))
    assert len(drawn) == 5
    assert all(x == z or y == w for (x, y), (z, w) in pairwise(drawn))
