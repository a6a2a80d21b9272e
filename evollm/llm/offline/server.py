"""The model server's process: llama.cpp on loopback, until its last user has left."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evollm.llm.locks import grab, hold, same_file

RECORD, USERS = "server.json", "users.lock"
POLL_S = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Start a server that outlives this process; the token is read from standard input.

    Returns:
        0 as soon as the server answers, or 1 with the cause on standard error.
    """
    options = _parser().parse_args(arguments)
    token = sys.stdin.readline().strip()
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        return 0 if os.read(reader, 1) else 1
    os.setsid()
    os.close(reader)
    _serve(options, token, writer)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evollm.llm.offline.server", description=__doc__
    )
    parser.add_argument("folder", type=Path, help="folder of the record and the users' lock")
    parser.add_argument("model", type=Path, help="a GGUF file")
    parser.add_argument("--name", default="offline", help="the model's name in requests")
    parser.add_argument("--adapter", type=Path, action="append", default=[], help="a LoRA GGUF")
    parser.add_argument("--context", type=int, default=2048, help="tokens per slot")
    parser.add_argument("--slots", type=int, default=8, help="requests at a time")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--grace", type=float, default=20.0, help="seconds without users before it ends"
    )
    return parser


def _serve(options: argparse.Namespace, token: str, writer: int) -> None:
    from xllamacpp import Server

    server = Server(_parameters(options, token))
    record = options.folder / RECORD
    mine = _publish(record, server.listening_address, token)
    os.write(writer, b"1")
    os.close(writer)
    _wait(record, mine, options.folder / USERS, options.grace)


def _parameters(options: argparse.Namespace, token: str) -> Any:
    from xllamacpp import CommonAdapterLoraInfo, CommonParams

    parameters = CommonParams()
    parameters.model.path = str(options.model)
    parameters.model_alias = {options.name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [token]
    parameters.n_ctx = options.context * options.slots
    parameters.n_parallel = options.slots
    for threads in (parameters.cpuparams, parameters.cpuparams_batch):
        threads.n_threads = options.threads
        threads.poll = 0  # waiting threads sleep, since other processes need the cores
    parameters.cache_ram_mib = 256
    parameters.verbosity = 1
    parameters.ui = False
    parameters.lora_adapters = [CommonAdapterLoraInfo(str(file), 1.0) for file in options.adapter]
    return parameters


def _publish(record: Path, url: str, token: str) -> int:
    """Record the server's address; the lock on the record lasts as long as this process."""
    draft = record.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    mine = hold(draft)
    os.write(mine, json.dumps({"url": url, "token": token}).encode())
    draft.replace(record)
    return mine


def _wait(record: Path, mine: int, users: Path, grace: float) -> None:
    """Return once the server has had no user for ``grace`` seconds, or its record was replaced."""
    last_used = time.monotonic()
    while same_file(record, mine):
        deserted = grab(users)
        if deserted is None:
            last_used = time.monotonic()
        elif time.monotonic() - last_used >= grace:
            record.unlink()  # new users wait for the users' lock, then find no record
            return
        else:
            os.close(deserted)
        time.sleep(POLL_S)


if __name__ == "__main__":
    sys.exit(main())
