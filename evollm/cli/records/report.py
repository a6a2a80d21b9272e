"""``evollm report`` and ``evollm watch``: a run as a page, in a file or live."""

import argparse
import sys
from pathlib import Path
from typing import Any

from evollm.paths import anchored, brief, save
from evollm.report.html.live import News, Server
from evollm.store.record import FILE, Record

NAME = "report.html"


def describe(parts: Any, finish: Any) -> None:
    """Add the commands to those of the command line."""
    report = parts.add_parser("report", help="write a page of a run: one HTML file")
    report.add_argument("path", type=Path, metavar="RUN", help="the run directory")
    report.add_argument(
        "--out", type=Path, metavar="FILE.html", help=f"the file (default: {NAME} in RUN)"
    )
    finish(report, _report)
    watch = parts.add_parser("watch", help="show a run in the browser while it goes on")
    watch.add_argument("path", type=Path, metavar="RUN", help="the run directory")
    watch.add_argument(
        "--port", type=int, default=0, metavar="N", help="where to listen (default: a free port)"
    )
    finish(watch, _watch)


def _report(args: argparse.Namespace) -> int:
    """Write the page of a run, and print its path."""
    from evollm.report.history import page, readable, state
    from evollm.report.html.document import document

    with Record(args.path, write=False) as record, readable(record):
        text = document(page(record), state(record))
    file = save(text, args.out or args.path / NAME, "page")
    print(brief(file))
    return 0


def _watch(args: argparse.Namespace) -> int:
    """Serve the page of a run until the user interrupts."""
    path = anchored(args.path)
    _news(path)  # a folder without a run is refused at once
    with Server(lambda: _news(path), lambda news: _live(path, news), args.port) as server:
        print(server.url, flush=True)
        print("open this address in a browser on this machine; Ctrl-C ends it", file=sys.stderr)
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            print("ended", file=sys.stderr)
    return 0


def _news(path: Path) -> News:
    """Return whether a run goes on, and what changes whenever its record does."""
    from evollm.report.history import readable, state

    with Record(path, write=False) as record, readable(record):
        now = state(record)
    files = (path / FILE, path / f"{FILE}-wal")
    found = [file.stat() for file in files if file.exists()]
    return News("-".join(f"{one.st_mtime_ns}.{one.st_size}" for one in found), now)


def _live(path: Path, news: News) -> str:
    """Return the page of a run that updates itself."""
    from evollm.report.history import page, readable
    from evollm.report.html.document import Live, document

    with Record(path, write=False) as record, readable(record):
        return document(page(record), news.state, Live(news.version))
