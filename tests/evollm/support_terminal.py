"""The command line, here or in a process of its own, and a real server with a model to ask."""

import hashlib
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, TypeAlias
from unittest import mock

import pytest

from evollm.cli import loading
from evollm.cli.main import main
from evollm.llm.client.probes import ODD_TEXT, PROMPT
from evollm.store.record import Record
from tests.evollm.llm.support_faulty import Act, Seen, Server, say
from tests.support_each import forget

Done: TypeAlias = subprocess.CompletedProcess[str]

ROOT = Path(__file__).parents[2]

FUNCTION = """
import time
from pathlib import Path


def bowl(x):
    place = repr(x.tolist())
    with Path(__file__).with_suffix(".tally").open("a") as file:
        file.write(place + "\\n")
    time.sleep(0.005)
    return float(((x - 1) ** 2).sum()), place
"""


def environment(folder: Path) -> dict[str, str]:
    """Return an environment that names no model and keeps its cache in a folder."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EVOLLM_", "OPENAI_", "COVERAGE_"))
    }
    return kept | {"EVOLLM_CACHE": str(folder / "cache"), "PYTHONPATH": str(ROOT)}


def start(*arguments: object, folder: Path, env: Mapping[str, str] = {}) -> subprocess.Popen[str]:
    """Start the command line in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "evollm", *map(str, arguments)],
        cwd=folder,
        env={**environment(folder), **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Done:
    """Wait for a command in a process of its own."""
    out, err = process.communicate(timeout=120)
    return Done(process.args, process.returncode, out, err)


def evollm(*arguments: object, folder: Path, env: Mapping[str, str] = {}) -> Done:
    """Run the command line to its end in this process, as if it were a new one in a folder.

    Raises:
        AssertionError: If it raises what its user would see as a traceback.
    """
    out, err = StringIO(), StringIO()
    with as_new(folder, {**environment(folder), **env}), redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([*map(str, arguments)])
        except SystemExit as error:
            status = int(error.code or 0)
    return Done(arguments, status, out.getvalue(), err.getvalue())


@contextmanager
def as_new(folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Give a command the folder, environment, warnings and log of a new process."""
    known, root = set(sys.modules), logging.getLogger()
    forget()
    loading._module.cache_clear()
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.chdir(folder)
        stack.enter_context(mock.patch.dict(os.environ, env, clear=True))
        patch.setattr(root, "handlers", [])
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("default")
        yield
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(f"{folder}/"):
            del sys.modules[name]
    loading._module.cache_clear()


def refusal(done: Done) -> str:
    """Return the one sentence of a refused command."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    [sentence] = [line for line in done.stderr.splitlines() if line.startswith("evollm: ")]
    assert done.stderr.endswith(sentence + "\n")
    return sentence


def speak(seen: Seen) -> Act:
    """Answer with as many numbers as a row has, a pure function of the prompt and the seed."""
    if seen.prompt == PROMPT:
        return say(ODD_TEXT, seen)
    columns = seen.prompt.splitlines()[0].count(",") + 1
    drawn = hashlib.sha256(f"{seen.prompt}/{seen.body['seed']}".encode()).digest()
    return say(",".join(str(10 + byte % 90) for byte in drawn[:columns]), seen)


def asked(server: Server) -> list[tuple[str, int]]:
    """Return prompt and seed of the requests that a server saw, probes apart."""
    return [(one.prompt, one.body["seed"]) for one in server.seen if one.prompt != PROMPT]


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Read a run's record, of a killed process too."""
    with Record(path, write=False) as record:
        return record.rows(query)


def contents(path: Path) -> list[list[tuple[Any, ...]]]:
    """Return all that a run found and in which order, bit for bit."""
    return [
        rows(path, f"SELECT * FROM {table}")
        for table in ("candidates ORDER BY id", "outcomes ORDER BY job, place", "jobs ORDER BY id")
    ]
