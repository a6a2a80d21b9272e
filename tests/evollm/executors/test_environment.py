"""Workers get the caller's environment without its secrets."""

import subprocess
import sys

import pytest

from evollm import EvollmError, Processes, run
from evollm.executors.cluster import Ray
from evollm.executors.environment import secret
from evollm.testing.kits import once

SECRETS = [
    "OPENAI_API_KEY", "openai_api_key", "AZURE_KEYS", "HF_TOKEN", "AWS_ACCESS_KEY_ID", "API_KEY_2",
    "AWS_SECRET_ACCESS_KEY", "my_secret", "PGPASSWORD", "DB_PASSWORD", "MYSQL_PWD", "WANDB.APIKEY",
    "GOOGLE_APPLICATION_CREDENTIALS", "GPG_PASSPHRASE", "TOKEN",
]  # fmt: skip
HARMLESS = [
    "TOKENIZERS_PARALLELISM", "MAX_TOKENS", "KEYBOARD_LAYOUT", "PWD", "OLDPWD", "MONKEY", "PATH",
    "SECRETARY", "KEYRING_BACKEND", "PASSWORDLESS",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_a_name_that_tells_of_a_secret(name: str) -> None:
    assert secret(name)


@pytest.mark.parametrize("name", HARMLESS)
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
    found = run(once([1]), look, executor=Processes(1))
    assert found.population[0].outcome.info["threads"] == "1"


@pytest.mark.ray
def test_a_replica_gets_what_is_given(surroundings: dict[str, str], ray_session: None) -> None:
    found = run(once([1]), look, executor=Ray(1, environment=surroundings))
    assert found.population[0].outcome.info == {"DATA_TOKEN": "seen-given", "threads": "3"}


def test_a_process_can_forget_its_own_secrets(surroundings: dict[str, str]) -> None:
    code = (
        "import os, subprocess; from evollm.executors.environment import forget;"
        "forget({'HF_TOKEN'}); subprocess.run(['env'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HF_TOKEN=seen-secret" in done.stdout
    assert "TOKENIZERS_PARALLELISM=seen-harmless" in done.stdout
    assert "OPENAI_API_KEY" not in done.stdout


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"THREADS": 2}, "'THREADS' can't be a int, use str"),
        ({1: "a"}, "1 can't be"),
        ({"a=b": "c"}, "'a=b' can't be set in an environment"),
        ("PATH", "as a dict of names and texts, not as a str"),
    ],
)
def test_an_environment_is_names_and_texts(environment: object, what: str) -> None:
    for make in (Processes, Ray):
        with pytest.raises(EvollmError, match=what):
            make(1, environment=environment)  # type: ignore[arg-type]
