"""Workers get the caller's environment without its secrets."""

import os
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

import pytest

from evollm import EvollmError, Outcome, Processes, run
from evollm.executors.cluster import Ray
from evollm.executors.environment import secret
from evollm.functions import Fitness
from evollm.testing import once
from tests.support_each import each

SECRETS = [
    "OPENAI_API_KEY", "openai_api_key", "AZURE_KEYS", "HF_TOKEN", "AWS_ACCESS_KEY_ID", "API_KEY_2",
    "AWS_SECRET_ACCESS_KEY", "my_secret", "PGPASSWORD", "DB_PASSWORD", "MYSQL_PWD", "WANDB.APIKEY",
    "GOOGLE_APPLICATION_CREDENTIALS", "GPG_PASSPHRASE", "TOKEN",
]  # fmt: skip
HARMLESS = [
    "TOKENIZERS_PARALLELISM", "MAX_TOKENS", "KEYBOARD_LAYOUT", "PWD", "OLDPWD", "MONKEY", "PATH",
    "SECRETARY", "KEYRING_BACKEND", "PASSWORDLESS",
]  # fmt: skip


@each("name", SECRETS)
def test_a_name_that_tells_of_a_secret(name: str) -> None:
    assert secret(name)


@each("name", HARMLESS)
def test_a_name_that_only_looks_like_one(name: str) -> None:
    assert not secret(name)


def look(genome: int) -> tuple[float, dict[str, str]]:
    import os
    import subprocess

    seen = {name: value for name, value in os.environ.items() if value.startswith("seen")}
    inherited = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    assert all(f"{name}={value}" in inherited for name, value in seen.items())
    assert "seen-secret" not in inherited
    return 0.0, seen | {"threads": os.environ["OMP_NUM_THREADS"]}


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is set for a worker, where this process has secrets."""
    monkeypatch.setenv("OPENAI_API_KEY", "seen-secret")
    monkeypatch.setenv("HF_TOKEN", "seen-secret")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "seen-harmless")
    return {"DATA_TOKEN": "seen-given", "OMP_NUM_THREADS": "3"}


def test_a_process_gets_what_is_harmless_and_what_is_given(surroundings: dict[str, str]) -> None:
    found = run(once([1]), look, executor=Processes(1, environment=surroundings))
    assert found.population[0].outcome.info == {
        "TOKENIZERS_PARALLELISM": "seen-harmless",
        "DATA_TOKEN": "seen-given",
        "threads": "3",
    }
    for executor, threads in [(Processes(1), "1"), (Processes(1, cpus=3), "3")]:
        found = run(once([1]), look, executor=executor)
        assert found.population[0].outcome.info["threads"] == threads


@pytest.mark.ray
def test_a_replica_gets_what_is_given(surroundings: dict[str, str], ray_session: None) -> None:
    found = run(once([1]), look, executor=Ray(1, environment=surroundings))
    assert found.population[0].outcome.info == {"DATA_TOKEN": "seen-given", "threads": "3"}
    for cpus, threads in [(0.5, "1"), (2, "2")]:
        found = run(once([1]), look, executor=Ray(1, cpus=cpus))
        assert found.population[0].outcome.info == {"threads": threads}


class Curious:
    """Tells which secrets it sees."""

    def __init__(self, asks_model: Any = False) -> None:
        self.asks_model = asks_model

    def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
        seen = sorted(name for name in ("OPENAI_API_KEY", "HF_TOKEN") if name in os.environ)
        return [Outcome(0.0, info=seen) for _ in genomes]


@pytest.mark.parametrize("where", ["processes", pytest.param("ray", marks=pytest.mark.ray)])
def test_only_who_asks_a_model_gets_the_key(
    where: str, surroundings: dict[str, str], request: pytest.FixtureRequest
) -> None:
    if where == "ray":
        request.getfixturevalue("ray_session")
    executor: Any = Ray(1) if where == "ray" else Processes(1)

    def seen(asks_model: Any) -> Any:
        found = run(once([1]), Curious(asks_model), executor=executor)
        return found.population[0].outcome.info

    with executor if where == "ray" else nullcontext():  # the same replica for all of them
        assert seen(True) == ["OPENAI_API_KEY"]
        assert seen(False) == []
        assert seen(("HF_TOKEN", "NOT_SET")) == ["HF_TOKEN"]
        with pytest.raises(EvollmError, match="asks_model of Curious can't be 'HF_TOKEN': set it"):
            seen("HF_TOKEN")


def test_a_function_says_by_an_attribute_that_it_asks_a_model() -> None:
    def fitness(genome: Any) -> float:
        return 0.0

    assert not Fitness(fitness).asks_model
    fitness.asks_model = ("HF_TOKEN",)  # type: ignore[attr-defined]
    assert Fitness(fitness).asks_model == ("HF_TOKEN",)


def test_a_process_can_forget_its_own_secrets(surroundings: dict[str, str]) -> None:
    code = (
        "import os, subprocess; from evollm.executors.environment import forget;"
        "forget({'HF_TOKEN'}); subprocess.run(['env'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HF_TOKEN=seen-secret" in done.stdout
    assert "TOKENIZERS_PARALLELISM=seen-harmless" in done.stdout
    assert "OPENAI_API_KEY" not in done.stdout


@each(
    ("environment", "what"),
    [
        ({"THREADS": 2}, "unlike 'THREADS' with its int: use str"),
        ({1: "a"}, "unlike 1 with its str"),
        ({"a=b": "c"}, "'a=b' can't be set in an environment"),
        ("PATH", "must be a dict from names to strings, not a str"),
    ],
)
def test_an_environment_is_names_and_texts(environment: object, what: str) -> None:
    for make in (Processes, Ray):
        with pytest.raises(EvollmError, match=what):
            make(1, environment=environment)  # type: ignore[arg-type]
