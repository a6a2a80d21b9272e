"""Reports on a real terminal, and as plain text elsewhere."""

import io
import os
import shutil
import sqlite3
import threading
from contextlib import closing, redirect_stdout, suppress
from pathlib import Path

import pytest

from evollm.cli.main import main
from evollm.cli.records.terminal import plain
from evollm.report.page import Curve, Report, Section, Table
from evollm.report.text import described
from evollm.store.record import FILE, Record
from tests.evollm.support_terminal import evollm, refusal


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def shown(*arguments: str) -> str:
    """Return what a command writes to a pseudo-terminal."""
    inside, outside = os.openpty()
    found: list[bytes] = []

    def read() -> None:
        with suppress(OSError):  # the terminal is closed
            while part := os.read(inside, 4096):
                found.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(outside, "w", encoding="utf-8") as screen, redirect_stdout(screen):
        assert main(list(arguments)) == 0
    reader.join()
    os.close(inside)
    return b"".join(found).decode()


def test_a_terminal_gets_colours_unless_they_are_unwanted(
    recorded: Path, colours: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown("show", str(recorded / "hill-0"))
    assert "\x1b[32m█" in text
    assert "\x1b[1mOperators" in text
    assert "Rungs" not in text
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in shown("show", str(recorded / "hill-0"))


def test_what_a_model_wrote_does_not_control_the_terminal(
    recorded: Path, colours: None, tmp_path: Path
) -> None:
    shutil.copytree(recorded / "hill-0", tmp_path / "odd")
    with closing(sqlite3.connect(tmp_path / "odd" / FILE)) as database, database:
        database.execute("UPDATE outcomes SET text = ?", ("\x1b]0;owned\x07",))
    for arguments in (["show"], ["show", "--candidate", "3"]):
        text = shown(*arguments, str(tmp_path / "odd"))
        assert "\\x1b]0;owned" in text
        assert "\x1b]0" not in text


def test_elsewhere_the_text_is_the_reports_with_a_sparkline(recorded: Path) -> None:
    done = evollm("show", recorded / "hill-0", folder=recorded)
    with Record(recorded / "hill-0", write=False) as record:
        report = described(record)
    rest = [line for line in done.stdout.splitlines() if not line.startswith("best so far")]
    assert "\n".join(rest).replace("\n\n\n", "\n\n") == report.text()
    [line] = [line for line in done.stdout.splitlines() if line.startswith("best so far  █")]
    [course] = [one for one in report.sections if one.title == "Convergence"]
    points = course.curves[0].lines["best so far"]
    assert line.endswith(f"  {points[0][1]:.4g} to {points[-1][1]:.4g}")


def test_an_output_that_cannot_encode_blocks_gets_none(recorded: Path) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with redirect_stdout(out):
        assert main(["show", str(recorded / "hill-0")]) == 0
    out.seek(0)
    text = out.read()
    assert "best so far" not in text
    assert "Operators" in text


def test_curves_share_their_axes() -> None:
    lines = {"low": [(1, 1.0), (9, 1.0)], "high": [(5, 3.0), (9, 2.0)], "": []}
    curve = Curve("", "n", "y", lines, step=True)
    text = plain(Report("", [Section("", tables=[Table(("a",), [])], curves=[curve])]))
    table, drawn = text.split("\n\n")
    low, high = drawn.splitlines()
    assert table == "a"
    assert low == f"low   {'▁' * 40}  1 to 1"
    assert high.startswith("high  " + " " * 20 + "█")
    assert high.endswith("▅  3 to 2")


def test_runs_are_compared_and_refused(recorded: Path, tmp_path: Path) -> None:
    done = evollm("compare", recorded, folder=recorded)
    assert "14 in 2 groups" in done.stdout, done.stderr
    assert "method=hill / method=random" in done.stdout
    assert "method=random  █" in done.stdout
    assert "10 evaluations" in evollm("compare", ".", "--evaluations", 10, folder=recorded).stdout
    said = refusal(evollm("compare", ".", "--evaluations", 0, folder=recorded))
    assert "--evaluations must be" in said
    assert "there is no run directory in ." in refusal(evollm("compare", ".", folder=tmp_path))
    assert "there is no folder gone" in refusal(evollm("compare", "gone", folder=tmp_path))
    shutil.copytree(recorded / "hill-0", tmp_path / "fine")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.sqlite").write_bytes(b"x" * 2000)
    left = evollm("compare", ".", folder=tmp_path).stdout
    assert "broken is not a readable run record" in left
    assert "broken" in refusal(evollm("compare", "broken", "fine", folder=tmp_path))
