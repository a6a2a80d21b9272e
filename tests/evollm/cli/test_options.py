"""A dataclass's fields as options and as configuration keys."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, strategies

from evollm.cli.options import Parser, add, build, option
from evollm.cli.options import given as said
from evollm.errors import EvollmError


@dataclass(frozen=True)
class Knobs:
    size: int = option(8, "how many")
    rate: float = option(0.5, "how fast")
    limit: float | None = option(None, "where to end")
    way: Literal["up", "down"] = option("up", "where to go")
    loud: bool = option(False, "whether it is heard")
    pair: str = option("-5,5", "a box", metavar="LOW,HIGH")


def parsed(*arguments: str) -> Knobs:
    parser = Parser("evollm")
    add(parser, Knobs, "knobs")
    return build(Knobs, said(parser.parse_args(arguments), Knobs))


NUMBERS = strategies.floats(allow_nan=False)
KNOBS = strategies.builds(
    Knobs,
    strategies.integers(),
    NUMBERS,
    strategies.none() | NUMBERS,
    strategies.sampled_from(["up", "down"]),
    strategies.booleans(),
    strategies.builds("{},{}".format, NUMBERS.filter(lambda x: abs(x) < 1e300), NUMBERS),
)


@given(KNOBS)
def test_what_is_said_is_what_is_built(knobs: Knobs) -> None:
    values = asdict(knobs)
    loud = values.pop("loud")
    words = [f"--{name}={value!s}" for name, value in values.items() if value is not None]
    assert parsed(*words, "--loud" if loud else "--no-loud") == knobs
    assert build(Knobs, asdict(knobs)) == knobs


def test_what_is_not_said_stays_as_declared() -> None:
    assert parsed() == Knobs()


@pytest.mark.parametrize("value", ["-5,5", "-0.5,3", "-.5,1", "5,-5"])
def test_a_negative_value_is_no_option(value: str) -> None:
    assert parsed("--pair", value).pair == value


def test_a_negative_number_may_have_an_exponent() -> None:
    assert parsed("--limit", "-1e-3").limit == -0.001


def test_help_says_each_default() -> None:
    parser = Parser("evollm")
    add(parser, Knobs, "knobs")
    text = " ".join(parser.format_help().split())
    assert "--size N how many (default: 8)" in text
    assert "--pair LOW,HIGH a box (default: -5,5)" in text
    assert "where to end (default: none)" in text
    assert "--loud, --no-loud" in text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sise": 3}, "there is no key 'sise'; did you mean 'size'?"),
        ({"zzzz": 3}, "there is no key 'zzzz': choose from limit, loud, pair, rate, size, way"),
        ({"size": 3.5}, "the key 'size' can't be 3.5: it must be int"),
        ({"size": True}, "the key 'size' can't be True: it must be int"),
        ({"loud": 1}, "the key 'loud' can't be 1: it must be bool"),
        ({"way": "left"}, "the key 'way' can't be 'left': it must be up, down"),
        ({"limit": "far"}, "the key 'limit' can't be 'far': it must be float"),
        ({"rate": None}, "the key 'rate' can't be None: it must be float"),
    ],
)
def test_a_wrong_configuration_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(EvollmError) as refused:
        build(Knobs, given, "key")
    assert str(refused.value) == message


def test_a_whole_number_is_a_number() -> None:
    assert build(Knobs, {"rate": 1, "limit": 2}) == Knobs(rate=1, limit=2)


def test_a_wrong_call_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parsed("--size", "many")
    assert left.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == "evollm: argument --size: invalid int value: 'many'; see evollm --help"
