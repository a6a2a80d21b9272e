"""A lease on a shared model server: found or started, and kept until this process ends."""

import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from evollm.errors import EvollmError
from evollm.llm.base import ModelError
from evollm.llm.files import cache_folder, digest
from evollm.llm.locks import grab, hold, locked, same_file
from evollm.llm.offline import weights
from evollm.llm.offline.server import RECORD, USERS
from evollm.llm.offline.weights import OFFLINE

START_S = 600.0
_held: dict[Path, int] = {}


@dataclass(frozen=True, slots=True)
class Service:
    """What a model server serves, and how; equal services on a machine share a server.

    Attributes:
        model: A GGUF file; None for the small model that evollm fetches once.
        adapters: LoRA adapters as GGUF files, applied at full strength.
        context: Maximum number of tokens per request including the answer.
        slots: Requests processed at the same time.
        threads: Threads of the server; None for ``EVOLLM_SERVER_THREADS``, else all cores that this
            process may use. Like ``grace`` it is set by the process that starts the server.
        grace: Seconds that the server keeps running without users.
    """

    model: Path | None = None
    adapters: tuple[Path, ...] = ()
    context: int = 2048
    slots: int = 8
    threads: int | None = None
    grace: float = 20.0

    @property
    def file(self) -> Path:
        """The model's GGUF file on this machine, fetched if necessary."""
        if self.model is not None:
            return self.model
        return weights.path(OFFLINE.name) if OFFLINE.file.exists() else weights.pull(OFFLINE.name)

    @property
    def name(self) -> str:
        """The model's name, as used by clients and recorded in runs."""
        base = self.model.stem if self.model else OFFLINE.name
        return "+".join([base, *(file.stem for file in self.adapters)])

    @property
    def identity(self) -> str:
        """What determines the answers: a digest of the weights, the same on every machine."""
        return "+".join(digest(file)[:16] for file in (self.file, *self.adapters))

    @property
    def folder(self) -> Path:
        """The folder of the server's record, locks and log; its name includes the machine's."""
        key = f"{socket.gethostname()} {self.identity} {self.context} {self.slots}"
        return cache_folder("servers") / hashlib.sha256(key.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and the token that it requires."""

    url: str
    token: str = field(repr=False)


def lease(service: Service) -> Address:
    """Return the server's address; start the server if necessary, once for concurrent calls.

    Args:
        service: What the server serves.

    Raises:
        EvollmError: If the package ``xllamacpp`` is missing.
        ModelError: If the server can't start.
    """
    folder = service.folder
    folder.mkdir(mode=0o700, exist_ok=True)
    with locked(folder / "start.lock"):
        _join(folder / USERS)
        return running(folder) or _start(service, folder)


def leave(service: Service) -> None:
    """Release this process's lease on a server, which ends some time after its last user."""
    descriptor = _held.pop(service.folder / USERS, None)
    if descriptor is not None:
        os.close(descriptor)


def running(folder: Path) -> Address | None:
    """Return the address of the server whose record is in ``folder``, or None if it has ended."""
    record = folder / RECORD
    if not record.exists():
        return None
    dead = grab(record, shared=True)
    if dead is not None:
        os.close(dead)
        return None
    return Address(**json.loads(record.read_text()))


def _join(users: Path) -> None:
    """Hold the users' lock until this process ends."""
    if users in _held:
        if same_file(users, _held[users]):
            return
        os.close(_held.pop(users))
    _held[users] = hold(users, shared=True)


def _start(service: Service, folder: Path) -> Address:
    weights.require("xllamacpp")
    log = folder / "server.log"
    command = [sys.executable, "-m", "evollm.llm.offline.server", str(folder), *_arguments(service)]
    with open(log, "wb", opener=partial(os.open, mode=0o600)) as output:
        try:
            subprocess.run(
                command,
                input=secrets.token_urlsafe(32).encode(),
                stdout=output,
                stderr=output,
                env=_environment(),
                cwd=folder,
                check=True,
                timeout=START_S,
            )
        except subprocess.TimeoutExpired:
            raise ModelError(
                f"the model server did not answer within {START_S:g} s of its start: see {log}, or "
                "use a smaller model"
            ) from None
        except subprocess.SubprocessError:
            names = [service.file, *service.adapters]
            raise ModelError(
                f"the model server can't serve {' with '.join(map(str, names))}: see {log} for the "
                "cause"
            ) from None
    address = running(folder)
    if address is None:
        raise ModelError(f"the model server exited while it started: see {log} for the cause")
    return address


def _arguments(service: Service) -> list[str]:
    values = {
        "name": service.name,
        "context": service.context,
        "slots": service.slots,
        "threads": service.threads or _threads(),
        "grace": service.grace,
    }
    adapters = [f"--adapter={file.resolve()}" for file in service.adapters]
    options = [f"--{key}={value}" for key, value in values.items()]
    return [*options, *adapters, str(service.file.resolve())]


def _threads() -> int:
    number = os.environ.get("EVOLLM_SERVER_THREADS")
    if number is None:
        return cores()
    if not number.isdecimal() or int(number) < 1:
        raise EvollmError(
            f"EVOLLM_SERVER_THREADS can't be {number!r}: set it to a whole number of at least 1"
        )
    return int(number)


def cores() -> int:
    """Return the number of cores that this process may use, within a container's quota."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(allowed, int(quota) // int(period)))
    except (OSError, ValueError):
        return allowed


def _environment() -> dict[str, str]:
    """Return this process's environment without secrets, with evollm importable."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in ("KEY", "TOKEN", "SECRET", "PASSWORD"))
    }
    # Threads spin for a moment before they sleep: long spinning is ten times slower when other
    # processes use the cores, and no spinning is three times slower for a single stream.
    kept.setdefault("OMP_WAIT_POLICY", "passive")
    kept.setdefault("GOMP_SPINCOUNT", "1000")
    root = str(Path(__file__).resolve().parents[3])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [root, kept.get("PYTHONPATH")]))
    return kept
