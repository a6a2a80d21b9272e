"""The guard: starts one evaluation under limits, watches it, and kills all that it started.

It runs in a process of its own, in a Python without packages, so it imports only the standard
library. It reads one line of JSON from standard input and writes one to standard output. When its
standard input closes, because the search was killed, it kills the evaluation.
"""

import contextlib
import json
import os
import resource
import runpy
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MIB = 2**20
RESULT = 4 * MIB
"""Most bytes of a result."""
_POLL = 0.02
_SHOWN = 4000
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_NAMESPACES: dict[str, Any] = runpy.run_path(str(Path(__file__).with_name("namespaces.py")))


def main() -> None:
    """Run the evaluation that standard input describes, and print what came of it."""
    asked = json.loads(_line())
    limits = asked["limits"]
    work, disk = asked["work"], limits["disk_mb"] * MIB
    seen = [asked["python"], sys.prefix, asked["judge"]["file"], asked["judge"]["evaluator"]]
    held = _NAMESPACES["isolate"](work, disk, limits["network"], seen)
    os.chdir("/")
    program = Path(work) / asked["name"]
    program.write_text(asked["source"], encoding="utf-8")
    watch = Watch(asked, held)
    try:
        found = watch.run(str(program))
    finally:
        leftovers = watch.kill()
    print(json.dumps({**found, "held": held, "leftovers": leftovers}), flush=True)


def _line() -> bytes:
    """Read a line of standard input byte for byte to its end, and leave the pipe open."""
    parts: list[bytes] = []
    while not parts or not parts[-1].endswith(b"\n"):
        part = os.read(0, 2**16)
        if not part:
            sys.exit(1)
        parts.append(part)
    return b"".join(parts)


class Watch:
    """One evaluation that runs, and what it has used so far.

    Args:
        asked: What to run, with the limits.
        held: What ``isolate`` achieved.
    """

    def __init__(self, asked: dict[str, Any], held: list[str]) -> None:
        self._asked = asked
        self._limits = asked["limits"]
        self._held = held
        self._alone = "processes" in held
        self._printed = 0
        self._tail = b""
        self._result = b""
        self._cpu = 0.0

    def run(self, program: str) -> dict[str, Any]:
        """Start the evaluation; return its result or the cause of its end, and what it printed."""
        said, printed = os.pipe()
        taken, given = os.pipe()
        asked = {**self._asked["judge"], "program": program, "pipe": given}
        began = time.monotonic()
        self._child = subprocess.Popen(
            [self._asked["python"], "-P", "-B", asked.pop("file")],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=printed,
            cwd=self._asked["work"],
            env=self._asked["environment"],
            pass_fds=[given],
            start_new_session=True,
            preexec_fn=self._limit,
        )
        os.close(printed)
        os.close(given)
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(asked).encode() + b"\n")
        self._child.stdin.close()
        cause = self._watched(said, taken, began + self._limits["seconds"])
        found: dict[str, Any] = {"seconds": time.monotonic() - began, "output": self._shown()}
        return {**found, **self._outcome(cause, asked["token"])}

    def kill(self) -> int:
        """Kill all processes that the evaluation left; return how many it had left by itself."""
        left = [pid for pid in self._processes() if pid != self._child.pid]
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        for _ in range(200):  # a process may start another one while they are killed
            own = list(self._processes())
            if not own:
                break
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in own:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
            self._reap()
            time.sleep(0.005)
        return len(left)

    def _limit(self) -> None:
        """Set the limits of the evaluation's own process, between fork and exec."""
        limits = self._limits
        cpu = int((limits["cpu_seconds"] or limits["seconds"]) + 1)
        sizes = {
            resource.RLIMIT_CPU: cpu,
            resource.RLIMIT_FSIZE: limits["file_mb"] * MIB,
            resource.RLIMIT_AS: limits["memory_mb"] * MIB,
            resource.RLIMIT_CORE: 0,
        }
        if self._alone:  # elsewhere it would count all processes of the user
            sizes[resource.RLIMIT_NPROC] = limits["processes"]
        for kind, most in sizes.items():
            with contextlib.suppress(ValueError, OSError):  # macOS refuses some
                resource.setrlimit(kind, (most, most))
        _NAMESPACES["tie_down"](bool(self._held))

    def _watched(self, said: int, taken: int, end: float) -> str | None:
        """Read what comes until the process ends; return which limit ended it, if any."""
        open_ends, ended = {0, said, taken}, False
        while True:
            ready, _, _ = select.select(list(open_ends), [], [], 0 if ended else _POLL)
            for place in ready:
                part = os.read(place, 2**16)
                if not part and place == 0:
                    return "the search was ended"
                if not part:
                    open_ends.discard(place)
                elif place == taken:
                    self._result += part
                elif place == said:
                    self._printed += len(part)
                    self._tail = (self._tail + part)[-_SHOWN:]
            if cause := self._exceeded(end):
                return cause
            if ended and not ready:  # what was in the pipes when it ended is read
                return None
            ended = self._child.poll() is not None

    def _exceeded(self, end: float) -> str | None:
        """Return which limit is exceeded, in words."""
        limits = self._limits
        if self._printed > limits["output_kb"] * 1024:
            return f"it printed more than {limits['output_kb']} KiB"
        if len(self._result) > RESULT:
            return f"its result has more than {RESULT} bytes"
        if time.monotonic() > end:
            return f"it took longer than {limits['seconds']:g} s"
        count, cpu, memory = self._used()
        if count > limits["processes"]:
            return f"it started more than {limits['processes']} processes"
        if memory > limits["memory_mb"] * MIB:
            return f"it used more than {limits['memory_mb']} MiB of memory"
        if limits["cpu_seconds"] is not None and cpu > limits["cpu_seconds"]:
            return f"it used more than {limits['cpu_seconds']:g} s of processor time"
        return None

    def _used(self) -> tuple[int, float, int]:
        """Return how many processes there are, their processor seconds, and their memory."""
        count, cpu, memory = 0, 0.0, 0
        for pid in self._processes():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = _stat(pid)
                count += 1
                cpu += sum(map(int, fields[11:15])) / _TICKS
                memory += int(fields[21]) * _PAGE
        self._cpu = max(self._cpu, cpu)
        return count, self._cpu, memory

    def _processes(self) -> Iterator[int]:
        """Yield the evaluation's processes: all but this one, or those that descend from it."""
        me = os.getpid()
        try:
            numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        except OSError:  # not Linux: only the group is known
            if self._child.poll() is None:
                yield self._child.pid
            return
        if self._alone and me == 1:
            yield from (number for number in numbers if number != me)
            return
        parents = {}
        for number in numbers:
            with contextlib.suppress(OSError, IndexError, ValueError):
                parents[number] = int(_stat(number)[1])
        found = {me}
        for number in sorted(parents):
            line = [number]
            while line[-1] in parents and line[-1] not in found and len(line) < 10_000:
                line.append(parents[line[-1]])
            if line[-1] in found:
                found.update(line)
        yield from (number for number in found if number != me)

    def _reap(self) -> None:
        """Take the ends of the children, also of those that came to this process as orphans."""
        self._child.poll()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def _shown(self) -> str:
        return self._tail.decode(errors="replace")

    def _outcome(self, cause: str | None, token: str) -> dict[str, Any]:
        """Return the evaluator's result, or the cause of the failure."""
        if cause is not None:
            return {"error": cause}
        try:
            found: dict[str, Any] = json.loads(self._result)
            if found.pop("token") == token:
                return found
        except (ValueError, KeyError, AttributeError, RecursionError):
            pass
        code = self._child.wait()
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return {"error": f"it was killed by {signal.Signals(-code).name}, as at a limit"}
        if code < 0:
            return {"error": f"it was killed by {signal.Signals(-code).name}"}
        return {"error": f"its process ended with exit code {code} before evaluate() returned"}


def _stat(pid: int) -> list[str]:
    """Return the fields of a process's state behind its name, which may contain anything."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    fields = text.rpartition(")")[2].split()
    if fields[0] == "Z":
        raise ValueError("a zombie uses nothing")
    return fields


if __name__ == "__main__":
    main()
