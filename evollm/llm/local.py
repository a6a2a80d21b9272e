"""The offline model: a small real language model on this machine, served on loopback."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evollm.llm.base import Completion, ModelError, Prompt
from evollm.llm.lease import Address, Service, lease
from evollm.llm.openai import Endpoint, Settings
from evollm.types import EvollmError

CAPABILITIES = frozenset({"logprobs", "schema", "grammar", "plain"})


class Offline:
    """A `LanguageModel` that finds or starts its server, here or wherever it is unpickled.

    Attributes:
        name: The model's name, as recorded.
        service: What is served.
        settings: The client's settings.
    """

    def __init__(self, service: Service, settings: Settings) -> None:
        self.name = service.name
        self.service = service
        self.settings = settings
        self._address: Address | None = None
        self._endpoint: Endpoint | None = None

    def complete(self, prompts: Sequence[Prompt], **options: Any) -> list[list[Completion]]:
        """Return completions as `LanguageModel.complete` does; a server that died is restarted."""
        endpoint = self._connected()
        try:
            return endpoint.complete(prompts, **options)
        except ModelError:
            restarted = self._connected()
            if restarted is endpoint:
                raise
            return restarted.complete(prompts, **options)

    def __reduce__(self) -> tuple[type["Offline"], tuple[Service, Settings]]:
        return Offline, (self.service, self.settings)

    def _connected(self) -> Endpoint:
        address = lease(self.service)
        if self._endpoint is None or address != self._address:
            url = f"{address.url}/v1"
            self._endpoint = Endpoint(
                self.name, base_url=url, api_key=address.token, settings=self.settings
            )
            self._address = address
        return self._endpoint


def offline(
    path: str | Path | None = None,
    settings: Settings | None = None,
    *,
    adapters: Sequence[str | Path] = (),
    threads: int | None = None,
    context: int = 2048,
    slots: int = 8,
) -> Offline:
    """Return the offline model, or a GGUF file of the user's own; the first call starts its server.

    Args:
        path: A GGUF file; None takes the small model that evollm fetches once (98 MB).
        settings: Of the client; price, capabilities and identity are filled in here.
        adapters: LoRA adapters as GGUF files, applied at full strength.
        threads: Of the server, if it is started here; see `Service`.
        context: Tokens a request may have, its answer included.
        slots: Requests that are worked on at a time.

    Raises:
        EvollmError: If a file is missing or damaged, or the weights can't be fetched.
    """
    model = None if path is None else _file(path)
    service = Service(model, tuple(map(_file, adapters)), context, slots, threads)
    chosen = settings or Settings(concurrency=2 * slots, timeout_s=600.0)
    identity = f"offline:{service.identity}"
    return Offline(
        service, replace(chosen, price=(0.0, 0.0), known=CAPABILITIES, identity=identity)
    )


def _file(path: str | Path) -> Path:
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise EvollmError(f"There is no file {file}: give the path of a GGUF file.")
    return file
