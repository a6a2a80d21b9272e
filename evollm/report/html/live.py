"""The server of a page that follows a run, for the reader's own browser."""

import json
import secrets
import sys
import threading
from collections.abc import Callable
from hmac import compare_digest
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from evollm.errors import EvollmError

HOST = "127.0.0.1"


class News(NamedTuple):
    """What a page follows.

    Attributes:
        version: Changes with the content of the page.
        state: One sentence on whether the run goes on.
    """

    version: str
    state: str


class Server(ThreadingHTTPServer):
    """Serves one page on this machine, to those who know its address.

    Requests without the token in the path, or by another host's name (which a page of another site
    could have made resolve to this machine), are refused.

    Args:
        news: Returns what the page follows; asked often.
        page: Returns the page, given what it follows; asked when that has changed.
        port: Where to listen; 0 for any free port.

    Raises:
        EvollmError: If the port is not 0 to 65535, in use or not allowed.
    """

    daemon_threads = True

    def __init__(
        self, news: Callable[[], News], page: Callable[[News], str], port: int = 0
    ) -> None:
        if not 0 <= port <= 65535:
            raise EvollmError(f"the port must be 0 to 65535, not {port}")
        self.token = secrets.token_urlsafe(24)
        self._news, self._page = news, page
        self._mutex = threading.Lock()
        self._kept: tuple[str, bytes] | None = None
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise EvollmError(
                f"port {port} can't be used ({error.strerror}): choose another one"
            ) from None

    @property
    def url(self) -> str:
        """The address of the page, which holds the token."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a browser that has gone; anything else is a fault of this program."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            raise

    def hosts(self) -> set[str]:
        """Return the names by which requests may come."""
        return {f"{name}:{self.server_port}" for name in (HOST, "localhost")}

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Return status, type and content of what is served at a path below the token."""
        try:
            with self._mutex:  # one request at a time reads the record
                news = self._news()
                if path == "state":
                    return _json(HTTPStatus.OK, news._asdict())
                if path == "":
                    return HTTPStatus.OK, "text/html; charset=utf-8", self._written(news)
        except EvollmError as error:
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"state": str(error), "version": ""})
        return HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"there is no such page\n"

    def _written(self, news: News) -> bytes:
        if self._kept is None or self._kept[0] != news.version:
            self._kept = (news.version, self._page(news).encode())
        return self._kept[1]


class _Handler(BaseHTTPRequestHandler):
    """Answers requests of the reader's browser."""

    server: Server
    server_version = "evollm"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        """Answer a request with the token, and refuse any other."""
        empty, token, path = [*self.path.partition("?")[0].split("/", 2), ""][:3]
        known = compare_digest(token.encode(), self.server.token.encode())
        host = self.headers.get("Host", "").lower()
        if not known or empty or host not in self.server.hosts():
            self._send(HTTPStatus.FORBIDDEN, "text/plain; charset=utf-8", b"forbidden\n")
        else:
            self._send(*self.server.answer(path))

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: the path holds the token."""


def _json(status: HTTPStatus, value: object) -> tuple[HTTPStatus, str, bytes]:
    return status, "application/json", json.dumps(value).encode()
