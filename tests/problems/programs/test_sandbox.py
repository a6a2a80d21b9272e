"""Hostile programs are survived: each ends with the cause that is recorded."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evollm.errors import EvollmError
from problems.programs import Limits
from problems.programs.sandbox.verdict import Verdict, judged, protections
from tests.problems.programs.support_tasks import task
from tests.support_each import each

HELD = protections()
VICTIM = "victim.txt"
NAP = "time.sleep(4321)"
HOSTILE: dict[str, tuple[str, dict[str, Any], str]] = {
    "loop": ("while True: pass", {"seconds": 0.5}, "took longer than 0.5 s"),
    "cpu": ("while True: pass", {"cpu_seconds": 0.2}, "more than 0.2 s of processor time"),
    "ignored": (f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {NAP}", {"seconds": 0.5},
                "took longer than 0.5 s"),
    "bomb": ("while True: os.fork()", {}, "more than 8 processes|BlockingIOError"),
    "memory": ("x = []\n    while True: x.append(bytes(2**24))", {"memory_mb": 128}, "MemoryError"),
    "shared": (f"os.fork(); os.fork(); x = b'1' * 2**26; {NAP}", {"memory_mb": 200},
               "more than 200 MiB of memory"),
    "print": ("while True: print('x' * 999)", {"output_kb": 16}, "printed more than 16 KiB"),
    "silent": ("while True: os.write(2, b'x' * 999)", {"output_kb": 16}, "printed more than"),
    "file": ("open('x', 'wb').write(bytes(2**22))", {"file_mb": 1}, "File too large"),
    "exit": ("os._exit(3)", {}, "exit code 3 before"),
    "kill": ("os.kill(os.getpid(), signal.SIGSEGV)", {}, "killed by SIGSEGV"),
    "fake": ("print('{\"combined_score\": 9}')\n    for i in range(3, 30):\n        try:\n"
             "            os.write(i, b'{\"token\": 0, \"numbers\": {\"combined_score\": 9}}')\n"
             "        except OSError: pass\n    os._exit(0)", {}, "exit code 0 before"),
    "raise": ("raise SystemExit('enough')", {}, "SystemExit: enough .line 4 of the program"),
    "text": ("return 'much'", {}, "TypeError"),
}  # fmt: skip
ISOLATED: dict[str, tuple[str, str]] = {
    "delete": ("os.remove(VICTIM)", "Read-only file system"),
    "network": ("socket.create_connection(('127.0.0.1', 9), 1)", "unreachable"),
    "remount": ("import subprocess; subprocess.run('mount -o remount,rw /', shell=True, "
                "check=True, capture_output=True)", "CalledProcessError"),
    "guard": ("os.kill(os.getppid(), 9); open('/proc/1/fd/1', 'w')", "Permission denied"),
    "others": (f"os.kill({os.getpid()}, 0)", "No such process"),
    "disk": ("for i in range(9): open(str(i), 'wb').write(bytes(2**20))", "No space left"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = task(tmp_path_factory.mktemp("task"))
    (made / VICTIM).write_text("precious")
    return made


def verdict(folder: Path, body: str, **limits: Any) -> Verdict:
    head = f"import os, signal, socket, sys, time\nVICTIM = {str(folder / VICTIM)!r}\n"
    bounds = Limits(**{"seconds": 30, "processes": 8, "memory_mb": 512, "disk_mb": 4, **limits})
    source = f"{head}def entry():\n    {body}\n"
    return judged(source, "program.py", folder / "evaluator.py", bounds)


def test_hostile_programs_end_with_their_cause(folder: Path) -> None:
    cases = {**HOSTILE, **({n: (c, {}, t) for n, (c, t) in ISOLATED.items()} if HELD else {})}

    def ended(case: tuple[str, dict[str, Any], str]) -> Verdict:
        return verdict(folder, case[0], **case[1])

    with ThreadPoolExecutor(3) as pool:
        found = dict(zip(cases, pool.map(ended, cases.values()), strict=True))
    for name, (_, _, cause) in cases.items():
        with pytest.raises(AssertionError, match=cause):
            raise AssertionError(found[name].error)
        assert "combined_score" not in found[name].numbers, name
    assert (folder / VICTIM).read_text() == "precious"
    assert "4321" not in subprocess.run(["ps", "ax"], capture_output=True, text=True).stdout
    assert len(found["print"].output) <= 4000
    assert "in entry" in found["raise"].texts["traceback"]


def test_daemons_are_killed_and_told_of_and_nothing_secret_is_inherited(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    body = (
        "if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0: time.sleep(9876)\n"
        "        os._exit(0)\n"
        "    os.wait()\n    print(sorted(os.environ), os.getcwd())\n    return 4"
    )
    found = verdict(folder, body)
    assert found.error is None
    assert found.numbers == {"combined_score": 0.4, "value": 4.0}
    assert found.texts == {"parity": "it is even"}
    assert found.leftovers == 1
    assert "OPENAI" not in found.output
    assert "9876" not in subprocess.run(["ps", "ax"], capture_output=True, text=True).stdout
    work = Path(found.output.split()[-1])
    assert not work.exists()


def test_an_evaluation_ends_with_the_search_that_started_it(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from problems.programs import Limits\n"
        "from problems.programs.sandbox.verdict import judged\n"
        "judged('import time\\ndef entry():\\n    time.sleep(8765)', 'program.py',\n"
        "       Path(sys.argv[1]), Limits(seconds=8765))"
    )
    search = subprocess.Popen([sys.executable, "-c", code, str(folder / "evaluator.py")])
    _until(lambda: len(_guards()) >= 1)
    search.send_signal(signal.SIGKILL)
    search.wait()
    _until(lambda: not _guards())


def _guards() -> list[str]:
    listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout
    return [line for line in listed.splitlines() if "sandbox/judge.py" in line]


def _until(true: Any) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


@each(
    ("returned", "numbers", "error"),
    [
        ("{'combined_score': True, 'n': 2, 'note': 'x'}", {"combined_score": 1.0, "n": 2.0}, None),
        ("{'score': 2}", {"score": 2.0}, "returned no number 'combined_score'"),
        ("None", {}, "must return a dict with 'combined_score', not NoneType"),
        ("type('R', (), {'metrics': {'combined_score': 3}, 'artifacts': {'a': b'b'}})()",
         {"combined_score": 3.0}, None),
    ],
    ids=["dict", "no score", "nothing", "result"],
)  # fmt: skip
def test_what_evaluators_return_is_sorted(
    returned: str, numbers: dict[str, float], error: str | None, tmp_path: Path
) -> None:
    made = task(tmp_path, evaluator=f"def evaluate(path):\n    return {returned}\n")
    found = judged("", "program.py", made / "evaluator.py", Limits(seconds=20))
    assert found.numbers == numbers
    assert (error or "") in (found.error or "")
    assert (found.error is None) == (error is None)


@each("limits", [{"seconds": 0}, {"cpu_seconds": -1}, {"processes": 0}, {"memory_mb": 1.5}],
      ids=str)  # fmt: skip
def test_limits_are_positive(limits: dict[str, Any]) -> None:
    with pytest.raises(EvollmError, match=next(iter(limits))):
        Limits(**limits)
