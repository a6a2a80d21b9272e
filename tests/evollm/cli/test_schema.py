"""The schema of configuration files: it accepts what the program reads, and nothing else."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from evollm.cli.commands import commands
from evollm.cli.config import complete, written
from evollm.cli.schema import schema
from evollm.errors import EvollmError
from tests.evollm.support_terminal import evollm, refusal
from tests.support_each import each

KINDS = {name: found.options for name, found in commands().items()}
WHOLE = Draft202012Validator(schema())


def both(problem: str, config: Mapping[str, Any]) -> bool:
    """Return whether a configuration is valid by its problem's schema, and by that of all."""
    own, whole = Draft202012Validator(schema(problem)).is_valid(config), WHOLE.is_valid(config)
    assert own == whole
    return own


def accepted(problem: str, config: Mapping[str, Any]) -> bool:
    """Return whether the program accepts a configuration."""
    parts = {part: given for part, given in config.items() if part != "problem"}
    try:
        complete(problem, KINDS[problem], parts)
    except EvollmError:
        return False
    return True


@each("problem", list(KINDS))
def test_complete_configurations_are_valid(problem: str) -> None:
    Draft202012Validator.check_schema(schema(problem))
    said = {"limits": {"evaluations": 9, "seconds": 2.5}, "model": {"context": 1000}}
    text = written(complete(problem, KINDS[problem], said), KINDS[problem])
    assert both(problem, tomllib.loads(text))
    assert both(problem, {"problem": problem})


@each(
    "part",
    [
        {"options": {"metod": "hill"}},
        {"options": {"method": "hil"}},
        {"options": {"dimension": "two"}},
        {"options": {"dimension": 2.5}},
        {"options": {"maximize": 1}},
        {"options": {"framed": {"blok": 2}}},
        {"options": {"framed": {"block": 0}}},
        {"options": {"block": 0}},
        {"options": {"decay": {"last": 1}}},
        {"option": {}},
        {"limits": {"evaluations": -1}},
        {"limits": {"evaluations": True}},
        {"limits": {"target": 3}},
        {"run": {"executor": "gpu"}},
        {"run": {"seed": -1}},
        {"run": {"workers": {"workers": 0}}},
        {"model": {"retries": 0}},
        {"model": {"known": "plain"}},
    ],
)
def test_schema_and_program_refuse_the_same(part: dict[str, Any]) -> None:
    assert not both("blackbox", {"problem": "blackbox", **part})
    assert not accepted("blackbox", part)


@each(
    "part",
    [
        {"options": {"framed": {"block": 3}, "decay": {"first": 0.1}}},
        {"options": {"decay": 0.5, "delta": "none", "function": "mine.py:f"}},
        {"limits": {"evaluations": 0, "money": 1}},
        {"run": {"workers": "none", "time_limit": "none", "seed": 3}},
        {"model": {"settings": {"retries": 1}, "headers": "api-key=$KEY"}},
    ],
)
def test_schema_and_program_accept_the_same(part: dict[str, Any]) -> None:
    assert both("blackbox", {"problem": "blackbox", **part})
    assert accepted("blackbox", part)


def test_the_schema_tells_defaults_choices_and_help() -> None:
    found = schema("blackbox")["properties"]["options"]["properties"]
    assert found["dimension"]["default"] == 2
    assert "cma" in found["method"]["enum"]
    assert found["function"]["description"].startswith("a BBOB function")
    assert not WHOLE.is_valid({"problem": "blakbox"})
    assert WHOLE.is_valid({"problem": "mine.py:SYSTEM", "limits": {"generations": 2}})


def test_the_command_prints_it(tmp_path: Path) -> None:
    done = evollm("schema", "trees", folder=tmp_path)
    assert json.loads(done.stdout) == schema("trees")
    assert "did you mean 'trees'" in refusal(evollm("schema", "tree", folder=tmp_path))
