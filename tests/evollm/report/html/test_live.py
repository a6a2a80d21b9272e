"""The server of a live page: who gets it, and what it says."""

import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from evollm import EvollmError
from evollm.report.html.live import News, Server
from tests.support_each import each

VERSIONS = ["1"]


def news() -> News:
    if VERSIONS[-1] == "damaged":
        raise EvollmError("the record is damaged")
    return News(VERSIONS[-1], "The run goes on.")


def page(now: News) -> str:
    PAGES.append(now.version)
    return f"<p>page {now.version} \u2713"


PAGES: list[str] = []


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(news, page) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def ask(server: Server, path: str, **headers: str) -> tuple[HTTPResponse, str]:
    line = HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    try:
        line.request("GET", path, headers=headers)
        answer = line.getresponse()
        return answer, answer.read().decode()
    finally:
        line.close()


def test_those_who_know_the_token_get_the_page(server: Server) -> None:
    VERSIONS.append("2")
    for _ in range(2):
        answer, text = ask(server, f"/{server.token}/")
        assert (answer.status, text) == (200, "<p>page 2 \u2713")
    assert PAGES.count("2") == 1  # it is made when the record has changed
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"
    answer, text = ask(server, f"/{server.token}/state", Host=f"localhost:{server.server_port}")
    assert json.loads(text) == {"version": "2", "state": "The run goes on."}
    assert server.url == f"http://127.0.0.1:{server.server_port}/{server.token}/"
    assert len(server.token) >= 32


@each("path, host", [
    ("/", None), ("//", None), ("/state", None), ("/x/TOKEN/", None),
    ("/TOKENx/", None), ("/\u00e9/", None),
    ("/TOKEN/", "example.org"), ("/TOKEN/", "127.0.0.1"), ("/TOKEN/", "127.0.0.1:1"),
    ("/TOKEN/state", "evil.example:PORT"), ("/TOKEN/", ""),
])  # fmt: skip
def test_others_and_other_names_of_the_host_are_refused(
    server: Server, path: str, host: str | None
) -> None:
    wanted = path.replace("TOKEN", server.token)
    headers = {} if host is None else {"Host": host.replace("PORT", str(server.server_port))}
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as line:
        name = headers.get("Host", f"127.0.0.1:{server.server_port}")
        line.sendall(f"GET {wanted} HTTP/1.0\r\nHost: {name}\r\n\r\n".encode("latin-1"))
        answer = line.makefile("rb").read().decode()
    assert answer.split()[1] == "403"
    assert server.token not in answer


def test_other_paths_and_a_record_that_cannot_be_read_are_said(server: Server) -> None:
    assert ask(server, f"/{server.token}/../etc/passwd")[0].status == 404
    VERSIONS.append("damaged")
    for path in ("", "state"):
        answer, text = ask(server, f"/{server.token}/{path}")
        assert answer.status == 503
        assert json.loads(text)["state"] == "the record is damaged"


def test_a_port_in_use_or_out_of_range_is_refused(server: Server) -> None:
    with pytest.raises(EvollmError, match=rf"port {server.server_port} can't be used \(Address al"):
        Server(news, page, server.server_port)
    with pytest.raises(EvollmError, match="the port must be 0 to 65535, not 65536"):
        Server(news, page, 65536)
