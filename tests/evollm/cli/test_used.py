"""Options without effect are refused, in the same words by all commands."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import pytest

from evollm import EvollmError
from evollm.cli.main import main
from evollm.cli.options import Aliases, build
from evollm.cli.used import check_used
from tests.support_each import each


@dataclass(frozen=True)
class Climb:
    steps: int = 3
    size: float = 0.1


@dataclass(frozen=True)
class Jump:
    size: float = 0.1


@dataclass(frozen=True)
class Settings:
    how: Literal["climb", "jump", "sit"] = "climb"
    climb: Climb = field(default_factory=Climb)
    jump: Jump = field(default_factory=Jump)
    far_end: str | None = None
    always: int = 1

    aliases: ClassVar[Aliases] = {"climb": "", "jump": ""}


USED = {"climb": ("climb", "far_end"), "jump": ("jump",)}


@each(
    "given",
    [
        {"steps": 4, "size": 0.2, "far_end": "east", "always": 5},
        {"how": "jump", "size": 0.2, "always": 5},
        {"how": "sit", "always": 5},
        {"how": "sit", "steps": 3},
    ],
)
def test_options_with_an_effect_or_at_their_default_are_accepted(given: dict[str, object]) -> None:
    check_used(build(Settings, given), "how", USED)


@each(
    ("given", "said"),
    [
        ({"how": "jump", "steps": 4}, "--steps is not an option of --how jump: leave it out"),
        ({"how": "jump", "far_end": "east"}, "--far-end is not an option of --how jump"),
        ({"how": "sit", "size": 0.2}, "--size is not an option of --how sit"),
    ],
)
def test_options_without_effect_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(EvollmError, match=f"^{said}"):
        check_used(build(Settings, given), "how", USED)


@each(
    ("command", "said"),
    [
        ("blackbox --method hill --quadratic", "--quadratic is not an option of --method hill"),
        ("trees --method classical --tau 5", "--tau is not an option of --method classical"),
        ("trees --method random --adapter default", "--adapter is not an option of --method rand"),
        ("prompts --method ta --population 5", "--population is not an option of --method ta"),
        ("compression --kind depth --bits 4", "--bits is not an option of --kind depth"),
        ("programs --method random --repair 0.5", "--repair is not an option of --method random"),
        ("programs --islands 3", "--islands is not an option of --search map_elites"),
        ("expressions --arity 3", "--arity is not an option of --operators classical"),
    ],
)
def test_every_command_refuses_them(
    command: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *command.split(), "--dry-run"]) == 1
    assert f"evollm: {said}" in capsys.readouterr().err


def test_a_start_by_the_model_uses_the_options_of_prompts() -> None:
    from problems.trees.options import Options, settings

    assert settings(Options(method="classical", start="model", hints=3)).hints == 3
