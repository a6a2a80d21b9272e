"""A real HTTP server that speaks as OpenAI's does, and misbehaves as a script tells it."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from evollm.llm.client.endpoint import Endpoint
from evollm.llm.client.settings import Settings


@dataclass(frozen=True)
class Seen:
    """One request, as the server saw it."""

    number: int
    path: str
    body: Mapping[str, Any]
    at: float
    key: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        if "prompt" in self.body:
            return str(self.body["prompt"])
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True)
class Act:
    """What the server does: a JSON body or raw bytes, late, or cut off."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    drop: Literal["before", "middle"] | None = None


Script = Callable[[Seen], Act]


def say(
    text: str | None,
    seen: Seen,
    finish: str = "stop",
    usage: Mapping[str, int] | None = None,
    **more: Any,
) -> Act:
    """Answer a request in the form of its path."""
    choice: dict[str, Any] = {"index": 0, "finish_reason": finish, **more}
    if seen.path.partition("?")[0].endswith("/chat/completions"):
        choice.setdefault("message", {"role": "assistant", "content": text})
    else:
        choice["text"] = text
    counted = {"prompt_tokens": 5, "completion_tokens": 2} if usage is None else usage
    return Act({"id": "x", "object": "x", "choices": [choice], "usage": counted, "model": "m"})


def complain(status: int, message: str = "it says no", **more: Any) -> Act:
    """Answer with an error; ``headers`` go where they belong, all else into the error's body."""
    headers = more.pop("headers", {})
    return Act({"error": {"message": message, **more}}, status=status, headers=headers)


def echo(seen: Seen) -> Act:
    """Say the prompt and the seed again."""
    return say(f"{seen.prompt}/{seen.body.get('seed')}", seen)


def endpoint(server: "Server", **settings: Any) -> Endpoint:
    """Return the real client of a server, without a cache and with short waits."""
    chosen = Settings(**{"cache": None, "first_wait_s": 0.01, **settings})
    return Endpoint("m", base_url=server.url, api_key="sk-secret", settings=chosen)


class Server(ThreadingHTTPServer):
    """Listens on a port of loopback, a free one by default; use it as a context manager.

    Attributes:
        script: What to do with a request.
        seen: All requests in the order of their arrival.
        most_at_once: The largest number of requests that were being answered at a time.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, script: Script = echo, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.script = script
        self.seen: list[Seen] = []
        self.most_at_once = self._at_once = 0
        self._counting = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def note(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Seen:
        key = headers.get("authorization", "")
        with self._counting:
            seen = Seen(len(self.seen), path, body, time.monotonic(), key, headers)
            self.seen.append(seen)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        return seen

    def done(self) -> None:
        with self._counting:
            self._at_once -= 1

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    """Reads a request, asks the script, and does what it says."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = self.server.note(self.path, body, headers)
        try:
            act = self.server.script(seen)
            time.sleep(act.delay_s)
        finally:
            self.server.done()
        self.perform(act)

    def perform(self, act: Act) -> None:
        raw = act.body if isinstance(act.body, bytes) else json.dumps(act.body).encode()
        self.close_connection = act.drop is not None
        if act.drop == "before":
            return
        lines = [f"HTTP/1.1 {act.status} x", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(raw)}"]
        lines += [f"{name}: {value}" for name, value in act.headers.items()]
        sent = raw[: len(raw) // 2] if act.drop == "middle" else raw
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + sent)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep quiet."""
