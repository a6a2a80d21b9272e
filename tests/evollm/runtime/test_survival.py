"""A run that is killed, or loses its model, goes on as if nothing had happened."""

import json
import random
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from evollm.llm.client.probes import PROMPT
from tests.evollm.llm.support_faulty import Act, Seen, Server
from tests.evollm.support_terminal import (
    FUNCTION,
    asked,
    contents,
    ended,
    evollm,
    refusal,
    rows,
    speak,
    start,
)

EVALUATIONS = 40
MORE = {"framed": (), "paper": ("--population", 3)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a function that notes where it was evaluated."""
    (tmp_path / "mine.py").write_text(FUNCTION)
    return tmp_path


def search(method: str, server: Server, path: str, *more: object) -> tuple[object, ...]:
    """Return the arguments of a run on the function with a server's model."""
    model = ("--model", "scripted", "--base-url", server.url)
    where = ("--function", "mine.py:bowl", "--dimension", 4, "--block", 2, "--path", path)
    limits = ("--evaluations", EVALUATIONS, *MORE[method])
    return ("run", "blackbox", "--method", method, *where, *model, *limits, *more)


def complete(*arguments: object, folder: Path) -> str:
    """Run a command that succeeds, and return what it printed."""
    done = evollm(*arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(path: Path) -> dict[tuple[str, int], str]:
    """Return the answered calls on record by prompt and seed, probes apart."""
    found = rows(path, "SELECT request, answer FROM calls WHERE answer IS NOT NULL")
    calls = [(json.loads(request), json.loads(answer)["text"]) for request, answer in found]
    return {
        (one["prompt"], one["seed"] + one["sample"]): text
        for one, text in calls
        if one["prompt"] != PROMPT
    }


class Killer:
    """A model that kills the process that asks it, at a random moment after a random request."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._left = 0
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, seen: Seen) -> Act:
        self._left -= 1
        if self._process and self._left == 0:
            threading.Timer(self._rng.uniform(0, 0.03), self._process.kill).start()
        return Act(speak(seen).body, delay_s=0.01)

    def hunt(self, *arguments: object, folder: Path) -> None:
        """Start the command line, and kill it."""
        self._left = self._rng.randint(2, 9)
        self._process = start(*arguments, folder=folder)
        self._process.communicate(timeout=120)
        assert self._process.returncode == -signal.SIGKILL
        self._process = None


@pytest.mark.parametrize(("method", "seed"), [("framed", 1), ("paper", 3)])
def test_a_killed_run_ends_where_an_unbroken_one_does(method: str, seed: int, folder: Path) -> None:
    tally = folder / "mine.tally"
    with Server(killer := Killer(seed)) as server:
        complete(*search(method, server, "whole", "--no-cache"), folder=folder)
        assert len(asked(server)) == len(set(asked(server)))
        command = search(method, server, "cut", "--no-cache")
        for _ in range(2):
            killer.hunt(*command, folder=folder)
            known = answers(folder / "cut")
            scored = {json.loads(i) for (i,) in rows(folder / "cut", "SELECT info FROM outcomes")}
            assert scored
            server.seen.clear()
            tally.unlink(missing_ok=True)  # it may be killed before it evaluates anything
            command = ("resume", "cut")
        complete(*command, folder=folder)
        assert known.keys().isdisjoint(asked(server))
        assert scored.isdisjoint(tally.read_text().splitlines())
    assert contents(folder / "cut") == contents(folder / "whole")
    assert answers(folder / "cut") == answers(folder / "whole")


def test_the_cache_answers_a_second_run_alike(folder: Path) -> None:
    with Server(speak) as server:
        first = complete(*search("framed", server, "first"), folder=folder)
        requests = len(server.seen)
        second = complete(*search("framed", server, "second"), folder=folder)
        assert len(server.seen) == requests
    calls = len(asked(server))
    assert f"{calls + 2} calls (0 cached, 0 unusable)" in first
    assert f"{calls} calls ({calls} cached, 0 unusable)" in second
    assert contents(folder / "first") == contents(folder / "second")
    assert answers(folder / "first") == answers(folder / "second")


class Mortal(Server):
    """A model whose server is gone, its port closed, once it has answered so many requests."""

    def __init__(self, good: int, port: int) -> None:
        self._good = good
        super().__init__(self._answer, port)

    def _answer(self, seen: Seen) -> Act:
        if seen.number < self._good:
            return speak(seen)
        if seen.number == self._good:
            threading.Thread(target=self._die).start()
        return Act(drop="before")

    def _die(self) -> None:
        self.shutdown()
        self.server_close()


def test_a_run_that_lost_its_model_goes_on_when_that_is_back(folder: Path) -> None:
    """The commands after the first are in new processes, which hold no connection to its server."""
    with Server(speak) as server:
        complete(*search("framed", server, "whole", "--no-cache"), folder=folder)
        port, wave = server.server_port, 2 * 5
        assert len(server.seen) == 2 + 6 * wave
    with Mortal(2 + 3 * wave, port) as server:
        command = search("framed", server, "cut", "--no-cache")
        said = refusal(ended(start(*command, folder=folder)))
    assert f"the endpoint {server.url} does not answer for the model scripted" in said
    assert "check the address and whether the server runs" in said
    known = answers(folder / "cut")
    assert len(known) == 3 * wave
    with Server(speak, port) as server:
        done = ended(start("resume", "cut", folder=folder))
        assert done.returncode == 0, done.stderr
        assert known.keys().isdisjoint(asked(server))
    assert contents(folder / "cut") == contents(folder / "whole")
    assert answers(folder / "cut") == answers(folder / "whole")
