"""One server a machine, shared by processes and gone with the last of them."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import openai
import pytest

from evollm.errors import EvollmError
from evollm.llm.base import ModelError
from evollm.llm.offline.lease import Service, lease, leave, running
from evollm.llm.offline.server import RECORD

pytestmark = pytest.mark.model
ROOT = Path(__file__).parents[4]
USER = """
import sys
from pathlib import Path
from typing import Any
from evollm.llm.offline.lease import Service, lease
print(lease(Service(Path(sys.argv[1]), context=256, slots=2, threads=1, grace=0.3)).url, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def small(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A small service in a cache folder of its own."""
    monkeypatch.setenv("EVOLLM_CACHE", str(tmp_path / "cache"))
    service = Service(model_file, context=256, slots=2, threads=1, grace=0.3)
    yield service
    leave(service)


@pytest.fixture
def user(small: Service) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start a process that leases ``small``'s server until it is killed or told to end."""
    users: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", USER, str(small.file)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        users.append(subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True))
        return users[-1]

    yield start
    for process in users:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait until the condition holds, or give up after a minute."""
    give_up = time.monotonic() + 60
    while not condition() and time.monotonic() < give_up:
        time.sleep(0.05)
    return condition()


def servers(service: Service) -> list[int]:
    """Return the process ids of the servers that work in the service's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if str(service.folder).encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_simultaneous_users_share_a_server(
    small: Service, user: Callable[[], subprocess.Popen[str]]
) -> None:
    urls = {said(process) for process in [user(), user(), user()]}
    assert urls == {lease(small).url}
    assert len(servers(small)) == 1


def test_server_outlives_its_starter_and_ends_with_its_last_user(
    small: Service, user: Callable[[], subprocess.Popen[str]]
) -> None:
    starter = user()
    url = said(starter)
    other = user()
    assert said(other) == url
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    time.sleep(5 * small.grace)
    assert lease(small).url == url
    leave(small)
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert eventually(lambda: not servers(small))
    assert running(small.folder) is None


def test_server_waits_for_the_next_user(
    small: Service, user: Callable[[], subprocess.Popen[str]]
) -> None:
    patient = replace(small, grace=60.0)
    first = lease(patient)
    leave(patient)
    assert said(user()) == first.url
    (small.folder / RECORD).unlink()
    assert eventually(lambda: not servers(small))


def test_server_ends_if_its_record_is_replaced(small: Service) -> None:
    lease(small)
    record = small.folder / RECORD
    text = record.read_text()
    record.unlink()
    record.write_text(text)
    assert eventually(lambda: not servers(small))


def test_killed_server_is_replaced(small: Service) -> None:
    first = lease(small)
    os.kill(servers(small)[0], signal.SIGKILL)
    assert eventually(lambda: not servers(small))
    assert running(small.folder) is None
    second = lease(small)
    assert second.token != first.token
    assert running(small.folder) == second


def test_token_stays_secret(small: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the user's own secret")
    address = lease(small)
    process = Path(f"/proc/{servers(small)[0]}")
    assert address.url.startswith("http://127.0.0.1:")
    assert address.token not in repr(address)
    assert address.token.encode() not in (process / "cmdline").read_bytes()
    assert address.token.encode() not in (process / "environ").read_bytes()
    assert b"the user's own secret" not in (process / "environ").read_bytes()
    for file in small.folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
        assert file.name == RECORD or address.token not in file.read_text()


def test_file_that_is_no_model(small: Service, tmp_path: Path) -> None:
    (tmp_path / "none.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match=r"see .*server\.log"):
        lease(replace(small, model=tmp_path / "none.gguf"))


def test_threads_must_be_a_number(small: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLLM_SERVER_THREADS", "many")
    with pytest.raises(EvollmError, match="EVOLLM_SERVER_THREADS can't be 'many'"):
        lease(replace(small, threads=None))


def write_adapter(file: Path, scale: float) -> None:
    """Write a LoRA adapter of rank 2 for one matrix of the offline model."""
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 2.0)
    a, b = rng.standard_normal((2, 1536)), rng.standard_normal((576, 2))
    writer.add_tensor("blk.9.ffn_down.weight.lora_a", a.astype(np.float32))
    writer.add_tensor("blk.9.ffn_down.weight.lora_b", (scale * b).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def first_logprob(service: Service) -> float:
    address = lease(service)
    with openai.OpenAI(base_url=f"{address.url}/v1", api_key=address.token) as client:
        answer: Any = client.completions.create(
            model=service.name, prompt="Once upon a", max_tokens=1, logprobs=1, temperature=0
        )
    return float(answer.choices[0].logprobs.content[0]["logprob"])


def test_adapters_are_applied(small: Service, tmp_path: Path) -> None:
    found = [first_logprob(small)]
    for scale in (0.0, 0.3):
        write_adapter(tmp_path / f"by{scale}.gguf", scale)
        adapted = replace(small, adapters=(tmp_path / f"by{scale}.gguf",))
        assert adapted.identity.startswith(small.identity)
        assert adapted.name == f"{small.name}+by{scale}"
        found.append(first_logprob(adapted))
        leave(adapted)
    assert found[1] == pytest.approx(found[0], abs=1e-3)
    assert found[2] != pytest.approx(found[0], abs=0.05)
