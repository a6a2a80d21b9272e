"""The page in a real browser: scripts, the keyboard, narrow and dark screens, and a live run."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evollm.cli.main import main
from evollm.report.html.document import Live, document
from evollm.report.html.live import News, Server
from evollm.report.page import Ancestor, Asked, Lineage, Report, Section
from tests.support_browser import browser, chromium

pytestmark = pytest.mark.skipif(not chromium(), reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as found:
        yield found


def opened(chrome: Any, address: str, **options: Any) -> tuple[Any, list[str]]:
    """Open a page; return it with what it complains of."""
    tab = chrome.new_page(**options)
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(address)
    tab.wait_for_selector(".lineage ol")
    return tab, complaints


def family(best: str = "40") -> Lineage:
    """Return a child of three parents, of which two share a parent."""
    parents = {9: (7, 6, 5), 7: (2,), 6: (2,), 5: (), 2: ()}
    asked = [Asked("a prompt", "an answer", "", "model, 1 + 1 tokens")]
    found = {
        one: Ancestor(one, of, one // 2, f"way {one % 2}", best if one == 9 else str(one),
                      one == 9, f"genome {one}", asked=asked if one == 9 else ())
        for one, of in parents.items()
    }  # fmt: skip
    return Lineage(9, found, "value")


def candidates(tab: Any) -> list[str]:
    return [one.get_attribute("data-id") for one in tab.locator(".who").all()]


def test_hostile_texts_run_nothing_and_fit_a_phone(
    chrome: Any, hostile: Path, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    assert main(["report", str(hostile), "--out", str(file)]) == 0
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
    tab, complaints = opened(chrome, file.as_uri(), **phone)
    for button in tab.locator(".who").all()[:3]:
        button.click()
    assert "window.hurt = true" in tab.locator(".detail pre").first.inner_text()
    assert tab.evaluate("window.hurt") is None
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, ground.strip("rgb()").split(","))) < 120
    assert complaints == []


def test_a_lineage_unfolds_by_mouse_and_keyboard(chrome: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(document(Report("one", [Section("Lineage", lineage=family())])))
    tab, complaints = opened(chrome, file.as_uri())
    assert candidates(tab) == ["9", "7", "6", "5", "2"]
    tab.locator(".who").first.click()
    assert tab.locator(".detail pre").all_inner_texts() == ["genome 9", "a prompt", "an answer"]
    tab.keyboard.press("ArrowLeft")
    assert candidates(tab) == ["9"]
    tab.keyboard.press("ArrowRight")
    assert candidates(tab) == ["9", "7", "6", "5", "2"]
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.dataset.id") == "6"
    assert tab.locator(".who[data-id='6']").get_attribute("aria-expanded") == "true"
    assert tab.locator(".rails circle.plain").count() == 4
    bends = tab.locator("ol > li:has([data-id='6']) .rails path")
    assert bends.count() == 1  # from its child
    tab.locator(".more[data-id='6']").click()
    assert bends.count() == 2  # and to its parent
    assert candidates(tab) == ["9", "7", "6", "5", "2"]
    assert complaints == []


def test_a_live_page_follows_and_keeps_what_is_unfolded(chrome: Any) -> None:
    now = [News("1", "The run goes on.")]

    def page(news: News) -> str:
        long = Section("Facts", {"long": f"{news.version} " + "words " * 100})
        sections = [long, Section("Lineage", lineage=family(f"best {news.version}"))]
        return document(Report("one", sections), news.state, Live(news.version))

    with Server(lambda: now[-1], page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            tab, complaints = opened(chrome, server.url)
            tab.locator("summary").click()
            tab.locator(".who[data-id='7']").click()
            tab.locator(".who[data-id='9']").press("ArrowLeft")
            now.append(News("2", "The run ended."))
            tab.wait_for_selector("text=best 2")
            assert tab.inner_text("#state") == "The run ended."
            assert candidates(tab) == ["9"]
            assert tab.evaluate("document.querySelector('details').open")
            assert tab.evaluate("document.activeElement.dataset.id") == "9"
            tab.keyboard.press("ArrowRight")
            assert tab.locator(".who[data-id='7']").get_attribute("aria-expanded") == "true"
            assert complaints == []
        finally:
            server.shutdown()
            thread.join()
    tab.wait_for_selector("text=This page is no longer served")
