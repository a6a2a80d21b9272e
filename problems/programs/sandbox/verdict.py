"""Verdicts: what came of one evaluation of a program in a process with limits."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from evollm.errors import EvollmError
from problems.programs.sandbox.limits import Limits

_GUARD = Path(__file__).with_name("guard.py")
_JUDGE = Path(__file__).with_name("judge.py")
_GRACE = 20.0  # seconds that the guard may take beyond the limit to start and to kill
_CAPPED = 2**24


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one evaluation.

    Attributes:
        error: Why there is no score, in one line; None if there is one.
        numbers: The evaluator's numbers by name, ``combined_score`` among them.
        texts: What the evaluator said about the program, or the traceback, by name.
        output: The end of what was printed.
        seconds: Wall time.
        held: What the platform took away: see ``problems.programs.sandbox.namespaces.isolate``.
        leftovers: Number of processes that still ran at the end of the evaluation and were killed.
    """

    error: str | None
    numbers: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    output: str = ""
    seconds: float = 0.0
    held: tuple[str, ...] = ()
    leftovers: int = 0


def judged(source: str, name: str, evaluator: Path, limits: Limits) -> Verdict:
    """Let an evaluator score a program in a process of its own; see ``docs/programs.md``.

    Args:
        source: The program.
        name: The name of the file that it is written to, in a temporary folder.
        evaluator: The Python file that defines ``evaluate(program_path)``.
        limits: What it may use.

    Raises:
        EvollmError: If the platform can't run such processes.
    """
    if os.name != "posix":
        raise EvollmError("programs are evaluated on Linux, macOS or WSL only")
    with tempfile.TemporaryDirectory(prefix="evollm-", ignore_cleanup_errors=True) as work:
        asked = {
            "source": source,
            "name": name,
            "work": work,
            "python": sys.executable,
            "environment": _environment(work),
            "limits": asdict(limits),
            "judge": {
                "file": str(_JUDGE),
                "evaluator": str(evaluator),
                "token": secrets.token_hex(16),
            },
        }
        said = _guarded(asked, limits.seconds + _GRACE).decode()
        return _verdict(said.replace(f"{work}/", ""))  # the folder's name differs each time


@cache
def protections(network: bool = False) -> tuple[str, ...]:
    """Return what the platform takes away from a program; see ``Verdict.held``."""
    with tempfile.TemporaryDirectory(prefix="evollm-") as folder:
        evaluator = Path(folder) / "evaluator.py"
        evaluator.write_text("def evaluate(path):\n    return {'combined_score': 0}\n")
        return judged("", "program.txt", evaluator, Limits(network=network)).held


def _environment(work: str) -> dict[str, str]:
    """Return all variables of the evaluation: none of this process's but the search path."""
    ones = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return ones | {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": work,
        "TMPDIR": work,
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _guarded(asked: Mapping[str, object], seconds: float) -> bytes:
    """Return what the guard said; nothing if it died or hung."""
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", str(_GUARD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        start_new_session=True,
    )
    assert guard.stdin is not None
    assert guard.stdout is not None
    with guard.stdin, guard.stdout:
        try:
            with suppress(BrokenPipeError):
                guard.stdin.write(json.dumps(asked).encode() + b"\n")
                guard.stdin.flush()
            return _read(guard.stdout.fileno(), seconds)
        finally:  # after an interrupt, too: the guard's end is that of the evaluation
            with suppress(ProcessLookupError):
                os.killpg(guard.pid, 9)
            guard.wait()


def _read(pipe: int, seconds: float) -> bytes:
    """Read a line from a pipe, within a time."""
    import select
    import time

    end, found = time.monotonic() + seconds, b""
    while not found.endswith(b"\n") and len(found) < _CAPPED:
        ready, _, _ = select.select([pipe], [], [], max(0.0, end - time.monotonic()))
        part = os.read(pipe, 2**16) if ready else b""
        if not part:
            return b""
        found += part
    return found


def _verdict(said: str) -> Verdict:
    try:
        found = json.loads(said)
        return Verdict(
            found.get("error"),
            {str(name): float(value) for name, value in found.get("numbers", {}).items()},
            {str(name): str(text) for name, text in found.get("texts", {}).items()},
            str(found["output"]),
            float(found["seconds"]),
            tuple(found["held"]),
            int(found["leftovers"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Verdict("the process that watches the evaluation was killed or did not answer")
