"""The command line, in a process of its own."""

import re
import signal
import time
from pathlib import Path

from evollm.errors import EvollmError
from tests.evollm.llm.support_faulty import Act, Seen, Server, complain, say
from tests.evollm.support_terminal import ROOT, ended, evollm, refusal, rows, speak, start
from tests.support_each import each

SLOW = """
import os
import time


def slow(x):
    time.sleep(0.3 if os.path.exists("slowly") else 0)
    return float((x**2).sum())
"""

THEIRS = '''
from dataclasses import dataclass

from evollm import Budget, System, operator
from evollm.algorithms import Mating, generational


@dataclass(frozen=True)
class Options:
    """What is counted.

    Attributes:
        bits: How many.
    """

    bits: int = 8


class Command:
    help = "count ones"
    options = Options

    def system(self, options, connect):
        return Ones(options.bits)


class Ones(System):
    problem = staticmethod(sum)
    budget = Budget(generations=20)

    def __init__(self, bits=8):
        self.bits = bits

    def flow(self, seed):
        @operator
        def fresh(parents, rng):
            return rng.integers(0, 2, self.bits).tolist()

        @operator
        def flip(parents, rng):
            child = list(parents[0])
            child[rng.integers(self.bits)] ^= 1
            return child

        return generational(fresh, Mating(flip, arity=1), size=10, seed=seed)


COMMAND = Command()
SYSTEM = Ones()
'''


def ask(server: Server, *more: object) -> tuple[object, ...]:
    """Return the arguments of a short run with a server's model."""
    model = ("--model", "scripted", "--base-url", server.url, "--no-cache")
    return ("run", "blackbox", "--evaluations", 60, "--path", "run", *model, *more)


@each("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SLOW)
    (tmp_path / "slowly").touch()
    run = ("run", "blackbox", "--method", "random", "--function", "mine.py:slow", "--path", "run")
    process = start(*run, "--evaluations", 30, folder=tmp_path)
    record = tmp_path / "run/run.sqlite"
    while not (record.is_file() and scored(tmp_path)):
        assert process.poll() is None
        time.sleep(0.02)
    second = evollm(*run, "--evaluations", 30, folder=tmp_path)
    assert "another process is using the run directory run" in refusal(second)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "stopped       interrupted" in out
    assert re.search(r"best +\S+ \(value\) at \[", out)
    assert err.endswith("continue with: evollm resume run\n")
    done = scored(tmp_path)
    assert 0 < done < 30
    (tmp_path / "slowly").unlink()
    assert "evaluations (0 failed)" in evollm("show", "run", folder=tmp_path).stdout
    assert "30 evaluations" in evollm("resume", "run", folder=tmp_path).stdout
    assert "45 evaluations" in evollm("resume", "run", "--evaluations", 45, folder=tmp_path).stdout
    assert scored(tmp_path) == 45
    assert "45 evaluations" in evollm("resume", "run", folder=tmp_path).stdout
    shown = evollm("show", "run", folder=tmp_path).stdout
    assert re.search(r"\nbest +\S+ \(value\) at \[", shown)


def scored(folder: Path) -> int:
    """Count the evaluations on record; 0 as long as there is no record to read."""
    try:
        return int(rows(folder / "run", "SELECT count(*) FROM outcomes")[0][0])
    except EvollmError:
        return 0


@each("status", [401, 404])
def test_an_endpoint_that_refuses_is_said_at_once(status: int, tmp_path: Path) -> None:
    with Server(lambda seen: complain(status, "no")) as server:
        said = refusal(evollm(*ask(server), folder=tmp_path))
        assert server.url in said
        assert len(server.seen) <= 2


def test_an_endpoint_that_is_not_there_costs_no_evaluation(tmp_path: Path) -> None:
    with Server(speak) as server:
        call = ask(server)
    said = refusal(evollm(*call, folder=tmp_path))
    assert "can't be reached" in said
    assert not (tmp_path / "run").exists()
    remote = ("run", "blackbox", "--model", "m", "--base-url", "https://example.org/v1")
    said = refusal(evollm(*remote, "--path", "run", folder=tmp_path, env={"OPENAI_API_KEY": ""}))
    assert "needs a key" in said
    assert not (tmp_path / "run").exists()


def test_a_dry_run_asks_and_writes_nothing(tmp_path: Path) -> None:
    with Server(speak) as server:
        done = evollm(*ask(server, "--dry-run", "--price", "1,2"), folder=tmp_path)
        assert not server.seen
    assert "at most 10 generations, 50 calls" in done.stdout
    assert "no model was called, and nothing was evaluated or written" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_its_configuration(tmp_path: Path) -> None:
    run = ("run", "blackbox", "--method", "random", "--function", "f3", "--seed", 4)
    assert evollm(*run, "--evaluations", 20, "--path", "run", folder=tmp_path).returncode == 0
    text = evollm("show", "run", "--config", folder=tmp_path).stdout
    (tmp_path / "run.toml").write_text(text)
    again = ("run", "--config", "run.toml", "--path", "again")
    assert evollm(*again, folder=tmp_path).returncode == 0
    query = "SELECT genome, fitness FROM candidates JOIN outcomes ON id = candidate ORDER BY id"
    assert rows(tmp_path / "again", query) == rows(tmp_path / "run", query)
    more = ("run", "blackbox", "--config", "run.toml", "--evaluations", 30, "--path", "more")
    assert "30 evaluations" in evollm(*more, folder=tmp_path).stdout
    (tmp_path / "run.toml").write_text(text.replace("evaluations", "evalations"))
    said = refusal(evollm("run", "--config", "run.toml", folder=tmp_path))
    assert "run.toml: there is no key of [limits] 'evalations'; did you mean 'evaluations'?" in said
    assert "can't read" in refusal(evollm("run", "--config", "none.toml", folder=tmp_path))


def test_a_configuration_is_saved_before_the_run_goes_on(tmp_path: Path) -> None:
    run = ("run", "blackbox", "--method", "random", "--evaluations", 12)
    headers, key = ("--headers", "api-key=$MY_KEY"), {"MY_KEY": "sk-secret"}
    saved = ("--save-config", "saved.toml")
    dry = evollm(*run, *headers, *saved, "--dry-run", folder=tmp_path, env=key)
    assert dry.returncode == 0, dry.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["saved.toml"]
    text = (tmp_path / "saved.toml").read_text()
    assert "api-key=$MY_KEY" in text
    assert "sk-secret" not in text
    again = ("run", "--path", "run", "--config", "saved.toml", "--save-config", "again.toml")
    assert "12 evaluations" in evollm(*again, folder=tmp_path, env=key).stdout
    assert (tmp_path / "again.toml").read_text() == text
    said = refusal(evollm(*run, "--save-config", "gone/saved.toml", folder=tmp_path))
    assert "can't write the configuration gone/saved.toml" in said
    literal = ("--headers", "api-key=sk-secret", "--save-config", "key.toml")
    assert "environment variable" in refusal(evollm(*run, *literal, folder=tmp_path))
    assert not (tmp_path / "key.toml").exists()


def test_the_version_is_told(tmp_path: Path) -> None:
    assert re.fullmatch(
        r"evollm \d+\.\d+\.\d+\n", ended(start("--version", folder=tmp_path)).stdout
    )


def test_a_model_that_says_nothing_usable_ends_the_run(tmp_path: Path) -> None:
    def nonsense(seen: Seen) -> Act:
        return say("I'd rather not.", seen)

    with Server(nonsense) as server:
        said = refusal(evollm(*ask(server, "--no-constrain"), folder=tmp_path))
    assert "no answer of the model was usable in 3 generations: the cause of all" in said
    assert "'unreadable answer'; choose another model" in said


def test_the_cause_of_an_unusable_model_is_told_with_its_remedy(tmp_path: Path) -> None:
    def thinking(seen: Seen) -> Act:
        return say("<think>hm", seen, finish="length")

    with Server(thinking) as server:
        chat = ("--mode", "chat", "--no-constrain")
        said = refusal(evollm(*ask(server, *chat), folder=tmp_path))
    assert "usable in 3 generations: the cause of all" in said
    assert "the model used all tokens for thinking'; raise max_tokens" in said


def test_a_proxy_does_not_stand_before_this_machine(tmp_path: Path) -> None:
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "socks5://127.0.0.1:9"}
    with Server(speak) as server:
        done = evollm(*ask(server), folder=tmp_path, env=proxies)
    assert done.returncode == 0, done.stderr


def test_headers_reach_the_endpoint_and_keys_no_record(tmp_path: Path) -> None:
    headers = ("--no-constrain", "--headers", "api-key=$MY_KEY,x-team=a")
    with Server(speak) as server:
        key = {"MY_KEY": "sk-secret"}
        assert evollm(*ask(server, *headers), folder=tmp_path, env=key).returncode == 0
        given = ("--headers", "api-key=sk-secret", "--path", "other")
        assert "environment variable" in refusal(evollm(*ask(server, *given), folder=tmp_path))
        unasked = ("run", "blackbox", "--method", "random", *given)
        assert "environment variable" in refusal(evollm(*unasked, folder=tmp_path))
        again = ("resume", "run", *given[:2])
        assert "environment variable" in refusal(evollm(*again, folder=tmp_path))
        odd = ("--headers", "x-team", "--path", "other")
        assert "NAME=VALUE" in refusal(evollm(*ask(server, *odd), folder=tmp_path))
    assert {seen.headers["api-key"] for seen in server.seen} == {"sk-secret"}
    assert not (tmp_path / "other").exists()
    assert b"sk-secret" not in (tmp_path / "run" / "run.sqlite").read_bytes()


def test_waits_are_bounded_from_the_command_line(tmp_path: Path) -> None:
    with Server(lambda seen: complain(429, "too many")) as server:
        bound = ("--max-wait-s", 0.5, "--timeout-s", 5, "--retries", 2)
        said = refusal(evollm(*ask(server, *bound), folder=tmp_path))
    assert "status 429: too many" in said
    assert "max_wait_s=0.5" in said


def test_calls_are_met_exactly_and_tokens_never_exceeded(tmp_path: Path) -> None:
    with Server(speak) as server:
        done = evollm(*ask(server, "--no-constrain", "--calls", 12), folder=tmp_path)
        assert "the budget of 12 calls is spent" in done.stdout
        assert len(server.seen) == 12  # the probe of plain completions is one of them
    with Server(speak) as server:
        more = ("--no-constrain", "--tokens", 200, "--path", "other")
        done = evollm(*ask(server, *more), folder=tmp_path)
        assert "the budget of 200 tokens has" in done.stdout
        spent = "SELECT sum(prompt_tokens + completion_tokens) FROM calls"
        assert 0 < rows(tmp_path / "other", spent)[0][0] <= 200


def test_a_money_budget_without_a_price_is_refused_before_any_call(tmp_path: Path) -> None:
    with Server(speak) as server:
        said = refusal(evollm(*ask(server, "--money", 1), folder=tmp_path))
        assert "--price" in said
        assert not server.seen


@each(
    ("arguments", "said"),
    [
        (("run", "blackbox", "--function", "spere"), "BBOB has no function 'spere'"),
        (
            ("run", "blackbox", "--executor", "serial", "--time-limit", 1),
            "--time-limit is not available for the executor serial: use processes or ray",
        ),
        (("run", "blackbox", "--executor", "threads", "--gpus", 1), "use ray"),
        (("run", "blackbox", "--function", "a.py:f", "--bounds", "5"), "must be two numbers"),
        (("run", "blackbox", "--function", "none.py:f"), "there is no Python file"),
        (("run", "blackbox", "--price", "much"), "must be two numbers IN,OUT"),
        (("run", "blackbox", "--evaluations", -1), "can't be -1"),
        (("run", "blackbox", "--population", 0), "--population must be 1 or more"),
        (("run", "blackbox", "--seed", -1), "--seed must be 0 or more"),
        (("resume", "nowhere"), "not a run directory"),
        (("show", "nowhere"), "not a run directory"),
        (("models", "path", "gpt"), "gpt"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: tuple[object, ...], said: str, tmp_path: Path
) -> None:
    assert said in refusal(evollm(*arguments, folder=tmp_path))


@each(
    ("arguments", "said"),
    [
        (("run", "blackbox", "--funtion", "x"), "did you mean '--function'?"),
        (("run", "blakbox"), "blackbox"),
        (("run", "blackbox", "--dimension", "two"), "--dimension"),
        ((), "COMMAND"),
    ],
)
def test_a_wrong_call_is_one_line(arguments: tuple[object, ...], said: str, tmp_path: Path) -> None:
    done = evollm(*arguments, folder=tmp_path)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert said in line


@each("command", [("show", "run"), ("resume", "run")])
def test_a_file_of_something_else_is_one_sentence(
    command: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.sqlite").write_bytes(b"no record at all" * 400)
    assert "run is not a readable run record" in refusal(evollm(*command, folder=tmp_path))
    again = ("run", "blackbox", "--method", "random", "--path", "run")
    assert "run is not a readable run record" in refusal(evollm(*again, folder=tmp_path))


def test_the_offline_models_are_listed_without_a_network(tmp_path: Path) -> None:
    listed = evollm("models", "list", folder=tmp_path)
    assert re.match(r"offline +SmolLM2-135M-Instruct .* not fetched yet\n", listed.stdout)
    said = refusal(evollm("models", "path", folder=tmp_path))
    assert "has not been fetched yet: run `evollm models pull offline`" in said


@each("command", ["run", "resume", "show", "models"])
def test_every_command_has_help(command: str, tmp_path: Path) -> None:
    done = evollm(command, "--help", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: evollm {command}")


def test_help_explains_every_option_with_its_default(tmp_path: Path) -> None:
    text = evollm("run", "blackbox", "--help", folder=tmp_path).stdout
    options = set(re.findall(r"^  (--[a-z.-]+)", text, re.MULTILINE))
    options -= {"--quiet", "--debug", "--config", "--dry-run"}
    assert len(options) > 40
    assert len(re.findall(r"\(default:", " ".join(text.split()))) >= len(options)


def test_a_run_is_shown_down_to_prompt_and_answer(tmp_path: Path) -> None:
    with Server(speak) as server:
        assert evollm(*ask(server, "--no-constrain"), folder=tmp_path).returncode == 0
    shown = evollm("show", "run", folder=tmp_path).stdout
    assert "60 evaluations (0 failed)" in shown
    assert "51 calls (0 cached" in shown  # one of them is a probe
    one = evollm("show", "run", "--candidate", 12, folder=tmp_path).stdout
    assert "FramedSamples" in one
    assert "\nasked\n" in one
    assert "\nanswered\n" in one


@each("executor", ["serial", "threads", "processes"])
def test_a_function_of_the_users_may_fail_now_and_then(executor: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f(x):\n    return 1 / int(x[0] > 0)\n")
    run = ("run", "blackbox", "--method", "random", "--function", "mine.py:f")
    where = ("--executor", executor, "--evaluations", 20)
    done = evollm(*run, *where, "--path", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ZeroDivisionError" in evollm("show", "run", folder=tmp_path).stdout
    said = refusal(evollm(*run, *where, "--on-error", "raise", folder=tmp_path))
    assert "an evaluation failed: ZeroDivisionError" in said


def test_runs_from_an_uploaded_folder(tmp_path: Path) -> None:
    for name in ("evollm", "operators", "problems", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    run = ("run", "blackbox", "--method", "random", "--evaluations", 20, "--quiet")
    done = ended(start(*run, folder=tmp_path, env={"PYTHONPATH": ""}))
    assert "20 evaluations" in done.stdout


def test_a_package_of_others_appears_by_being_installed(tmp_path: Path) -> None:
    info = tmp_path / "site/theirs-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[evollm.problems]\ntheirs = theirs:COMMAND\n")
    (tmp_path / "site/theirs.py").write_text(THEIRS)
    env = {"PYTHONPATH": f"{ROOT}:{tmp_path / 'site'}"}
    assert "count ones" in ended(start("run", "--help", folder=tmp_path, env=env)).stdout
    done = ended(start("run", "theirs", "--bits", 6, "--quiet", folder=tmp_path, env=env))
    assert "best  6 (fitness)" in done.stdout, done.stderr
