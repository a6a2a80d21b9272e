"""A system in a file of the user's, run from the command line in a process of its own."""

import re
import signal
import time
from pathlib import Path

import pytest

from evollm.cli.commands import recorded
from evollm.errors import EvollmError
from evollm.store.record import Record
from tests.evollm.llm.support_faulty import Server
from tests.evollm.support_terminal import contents, evollm, refusal, rows, speak, start
from tests.support_each import each

MINE = '''
import time
from dataclasses import dataclass

from evollm import Budget, Outcome, System, Units, operator
from evollm.algorithms import Mating, generational


@dataclass(frozen=True)
class Word:
    letters: tuple[str, ...]


class Counting:
    """Counts an a, slowly, and mends a genome of a class that is this file's own."""

    elementwise = True

    def evaluate(self, genomes, fidelity, seed):
        for word in genomes:
            time.sleep(0.02)
            assert type(word) is Word, type(word)
            yield Outcome(float(word.letters.count("a")), info={"word": "".join(word.letters)})


class Words(System[Word]):
    problem = Counting()
    units = {"fitness": Units("letters a")}
    budget = Budget(generations=4)

    def __init__(self, size=8):
        self.size = size

    def flow(self, seed):
        @operator
        def fresh(parents, rng):
            return Word(tuple(rng.choice(list("abc"), 6).tolist()))

        @operator
        def change(parents, rng):
            letters = list(parents[0].letters)
            letters[rng.integers(6)] = str(rng.choice(list("abc")))
            return Word(tuple(letters))

        return generational(fresh, Mating(change, arity=1), size=self.size, seed=seed)

    def write(self, individual):
        return "".join(individual.genome.letters)


SYSTEM = Words()


def asking(model):
    from operators.vectors.framed import FramedSamples
    from problems.blackbox import EvoLLM, Framed

    return EvoLLM(lambda x: float((x**2).sum()), [(-1, 1)] * 2, model=model)


def needy(size, model=None):
    return Words(size)


number = 3
'''
RUN = ("run", "lettered.py:SYSTEM", "--seed", 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lettered.py").write_text(MINE)
    return tmp_path


@pytest.fixture
def whole(folder: Path) -> list[tuple[object, ...]]:
    """What a run in one go finds, in this process."""
    done = evollm(*RUN, "--generations", 3, "--path", "whole", "--quiet", folder=folder)
    assert done.returncode == 0, done.stderr
    assert re.search(r"best +\d \(letters a\) at [abc]{6}, candidate", done.stdout)
    assert "written" in done.stdout
    return found(folder / "whole")


def found(path: Path) -> list[tuple[object, ...]]:
    query = "SELECT id, genome, fitness FROM candidates JOIN outcomes ON id = candidate ORDER BY id"
    return rows(path, query)


def test_a_file_alone_says_which_systems_it_holds(folder: Path) -> None:
    said = refusal(evollm("run", "lettered.py", folder=folder))
    assert "lettered.py defines the systems Words, SYSTEM: name a system" in said
    assert said.endswith("as lettered.py:Words")
    (folder / "other.py").write_text("from evollm import System\n")
    said = refusal(evollm("run", "other.py", "--help", folder=folder))
    assert "other.py does not define an evollm.System" in said


def test_a_systems_own_help_lists_limits_run_and_model(folder: Path) -> None:
    done = evollm("run", "lettered.py:SYSTEM", "--help", folder=folder)
    assert done.returncode == 0, done.stderr
    for flag in ("--evaluations", "--executor", "--gpus", "--model", "--config", "--dry-run"):
        assert flag in done.stdout
    assert "FILE.py:SYSTEM" in evollm("run", "--help", folder=folder).stdout


@each(
    ("name", "sentence"),
    [
        ("lettered.py:SYSTM", "lettered.py does not define SYSTM; did you mean 'SYSTEM'?"),
        ("lettered.py:number", "must be an evollm.System or a function that returns one, not int"),
        ("lettered.py:needy", "give its parameter 'size' a default"),
        ("none.py:SYSTEM", "there is no Python file"),
        ("none.py", "there is no Python file"),
    ],
)
def test_a_mistake_is_one_sentence(name: str, sentence: str, folder: Path) -> None:
    assert sentence in refusal(evollm("run", name, "--path", "run", folder=folder))
    assert not (folder / "run").exists()


def test_a_killed_run_goes_on_and_finds_the_same(
    folder: Path, whole: list[tuple[object, ...]]
) -> None:
    process = start(*RUN, "--generations", 3, "--path", "run", "--quiet", folder=folder)
    while process.poll() is None:
        try:
            if len(found(folder / "run")) > 5:
                break
        except EvollmError:
            pass
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = evollm("resume", "run", "--quiet", folder=folder)
    assert done.returncode == 0, done.stderr
    assert found(folder / "run") == whole
    shown = evollm("show", "run", folder=folder).stdout
    assert "problem" in shown
    assert "lettered.py:SYSTEM" in shown
    more = evollm("resume", "run", "--generations", 4, "--quiet", folder=folder)
    assert more.returncode == 0, more.stderr
    assert len(found(folder / "run")) == len(whole) + 8


@pytest.mark.parametrize(
    "where",
    [
        ("threads", "--workers", 2),
        ("processes", "--workers", 2, "--time-limit", 30),
        pytest.param(("ray", "--workers", 1, "--cpus", 0.5), marks=pytest.mark.ray),
    ],
)
def test_classes_of_the_file_travel_to_workers(
    where: tuple[object, ...],
    folder: Path,
    whole: list[tuple[object, ...]],
    request: pytest.FixtureRequest,
) -> None:
    if where[0] == "ray":
        request.getfixturevalue("ray_session")
    more = ("--generations", 3, "--path", "run", "--quiet", "--executor", *where)
    done = evollm(*RUN, *more, folder=folder)
    assert done.returncode == 0, done.stderr
    assert found(folder / "run") == whole


def test_a_configuration_names_the_file(folder: Path, whole: list[tuple[object, ...]]) -> None:
    text = evollm("show", "whole", "--config", folder=folder).stdout
    assert text.startswith('problem = "lettered.py:SYSTEM"\n')
    (folder / "run.toml").write_text(text)
    done = evollm("run", "--config", "run.toml", "--path", "again", "--quiet", folder=folder)
    assert done.returncode == 0, done.stderr
    assert contents(folder / "again")[0] == contents(folder / "whole")[0]


def test_a_file_may_have_the_name_of_a_module(folder: Path) -> None:
    (folder / "random.d").mkdir()
    (folder / "random.d/queue.py").write_text(MINE)
    done = evollm(
        "run", "random.d/queue.py:Words", "--path", "run", "--executor", "processes",
        "--workers", 1, "--quiet", "--evaluations", 6, folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    again = evollm("resume", "run", "--evaluations", 12, "--quiet", folder=folder)
    assert again.returncode == 0, again.stderr
    assert len(found(folder / "run")) == 12


def test_a_parameter_model_gets_the_model_that_is_named(folder: Path) -> None:
    with Server(speak) as server:
        model = ("--model", "scripted", "--base-url", server.url, "--no-cache")
        limits = ("--evaluations", 20, "--path", "run", "--quiet")
        dry = evollm("run", "lettered.py:asking", *model, "--dry-run", folder=folder)
        assert "model         scripted" in dry.stdout, dry.stderr
        assert not server.seen
        done = evollm("run", "lettered.py:asking", *model, *limits, folder=folder)
        assert done.returncode == 0, done.stderr
        assert server.seen
    with Record(folder / "run", write=False) as record:
        assert record.get("config")["model"]["model"] == "scripted"


def test_a_dry_run_evaluates_and_writes_nothing(folder: Path) -> None:
    done = evollm(*RUN, "--dry-run", folder=folder)
    assert "budget        4 generations" in done.stdout, done.stderr
    assert "is not asked" in done.stdout
    assert not (folder / "runs").exists()


def test_a_file_is_recorded_by_its_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert recorded(f"{folder.resolve()}/lettered.py:SYSTEM") == "lettered.py:SYSTEM"
    (folder / "deep").mkdir()
    monkeypatch.chdir(folder / "deep")
    assert recorded("../lettered.py:SYSTEM") == f"{folder.resolve()}/lettered.py:SYSTEM"
    assert recorded("blackbox") == "blackbox"
