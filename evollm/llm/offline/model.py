"""The offline model: a small language model on this machine, served on loopback."""

import json
from collections.abc import Sequence
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from evollm.errors import EvollmError
from evollm.llm.base import Completion, ModelError, Price, Prompt, Sampling
from evollm.llm.client.contexts import estimate
from evollm.llm.client.endpoint import Endpoint
from evollm.llm.client.settings import CAPABILITIES, Settings
from evollm.llm.offline.lease import Service, lease, running
from evollm.paths import anchored

_TOKENIZE_S = 10
TRUNCATION = {"top_k": 40, "top_p": 0.95, "min_p": 0.05}
"""Truncated sampling, as unlikely tokens of a small model are poor; part of every request."""
WHOLE = {"top_k": 0, "top_p": 1.0, "min_p": 0.0}
"""Sampling without truncation."""


class Offline(Endpoint):
    """A model whose server is found or started on the machine where this object is used.

    Attributes:
        service: The service that is leased.
    """

    def __init__(self, service: Service, settings: Settings) -> None:
        super().__init__(service.name, base_url="http://127.0.0.1", settings=settings)
        self.service = service

    def address(self) -> tuple[str, str]:
        """Return the server's address and token; start the server if it is not running."""
        server = lease(self.service)
        return f"{server.url}/v1", server.token

    def adapted(self, adapters: Sequence[Path]) -> "Offline":
        """Return the same model with other adapters, served by a server of its own.

        Its answers are sampled without truncation, since the distribution is what it was taught.
        """
        service = replace(self.service, adapters=tuple(adapters))
        options = {**self.settings.options, **WHOLE}
        identity = f"offline:{service.identity}"
        return Offline(service, replace(self.settings, identity=identity, options=options))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens in each text, counted by the server's tokenizer."""
        url, token = self.address()
        parts = urlsplit(url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TOKENIZE_S)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            return [_count(connection, text, headers) for text in texts]
        except (OSError, HTTPException, ValueError, KeyError):  # the server may be shutting down
            return [estimate(text) for text in texts]
        finally:
            connection.close()

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling = Sampling(), n: int = 1
    ) -> list[list[Completion]]:
        """Return completions as ``Endpoint.complete`` does, even if the server ends meanwhile."""
        asked = running(self.service.folder)
        try:
            return super().complete(prompts, sampling, n)
        except ModelError:
            now = running(self.service.folder)
            if now is not None and now == asked:
                raise
            # Another process may have restarted the server meanwhile.
            return super().complete(prompts, sampling, n)


def offline(
    path: str | Path | None = None,
    settings: Settings | None = None,
    *,
    adapters: Sequence[str | Path] = (),
    threads: int | None = None,
    context: int = 2048,
    slots: int = 8,
) -> Offline:
    """Return the offline model, or a model in a GGUF file; the first call starts its server.

    Args:
        path: A GGUF file; None for the small model that evollm fetches once (98 MB).
        settings: Settings of the client; price, capabilities and identity are filled in here, and
            ``TRUNCATION`` unless ``options`` overrides it.
        adapters: LoRA adapters as GGUF files, applied at full strength.
        threads: Threads of the server, if it is started here; see ``Service``.
        context: Maximum number of tokens per request including the answer.
        slots: Requests processed at the same time.

    Raises:
        EvollmError: If a file is missing or damaged, or the weights can't be fetched.
    """
    model = None if path is None else _file(path)
    service = Service(model, tuple(map(_file, adapters)), context, slots, threads)
    chosen = settings or Settings(concurrency=2 * slots, timeout_s=600.0)
    return Offline(
        service,
        replace(
            chosen,
            price=Price(0.0, 0.0),
            known=CAPABILITIES,
            group=slots,
            context=context,
            identity=f"offline:{service.identity}",
            options={**TRUNCATION, **chosen.options},
        ),
    )


def _count(connection: HTTPConnection, text: str, headers: dict[str, str]) -> int:
    connection.request("POST", "/tokenize", json.dumps({"content": text}), headers)
    return len(json.loads(connection.getresponse().read())["tokens"])


def _file(path: str | Path) -> Path:
    file = anchored(path)
    if not file.is_file():
        raise EvollmError(f"there is no file {file}: give the path of a GGUF file")
    return file
