"""A dataclass's fields as options and as configuration keys."""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given, strategies

from evollm.checks import at_least
from evollm.cli.options import Aliases, Parser, add, build, option, options_of, values
from evollm.cli.options import given as said
from evollm.errors import EvollmError
from tests.support_each import each


@dataclass(frozen=True)
class Knobs:
    """What is set.

    Attributes:
        size: How many.
        rate: How ``fast``, which
            needs 50% of a second line.
        limit: Where to end; None for nowhere.
        way: Where to go.
        loud: Whether it is heard.
        pair: LEFT and right.
    """

    size: int = 8
    rate: float = 0.5
    limit: float | None = None
    way: Literal["up", "down"] = "up"
    loud: bool = False
    pair: str = option("-5,5", metavar="LOW,HIGH")


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


@each("value", ["-5,5", "-0.5,3", "-.5,1", "5,-5"])
def test_a_negative_value_is_no_option(value: str) -> None:
    assert parsed("--pair", value).pair == value


def test_a_negative_number_may_have_an_exponent() -> None:
    assert parsed("--limit", "-1e-3").limit == -0.001


def test_help_says_each_default() -> None:
    parser = Parser("evollm")
    add(parser, Knobs, "knobs")
    text = " ".join(parser.format_help().split())
    assert "--size N how many (default: 8)" in text
    assert "--rate X how fast, which needs 50% of a second line (default: 0.5)" in text
    assert "--pair LOW,HIGH LEFT and right (default: -5,5)" in text
    assert "where to end; none for nowhere (default: none)" in text
    assert "--loud, --no-loud" in text


@each(
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


@dataclass(frozen=True)
class Voice:
    """How it speaks.

    Attributes:
        form: Of the letters.
        speed: Words per minute.
        model: Who speaks, which no option can say.
    """

    form: Literal["line", "page"] = "line"
    speed: int = 90
    model: object = None

    def __post_init__(self) -> None:
        at_least(1, self, "speed")


@dataclass(frozen=True)
class Choir(Knobs):
    """Settings within settings.

    Attributes:
        first_voice: Above.
        second: Below.
        third: Aside.
        hidden: Nobody's matter.
    """

    first_voice: Voice = field(default_factory=Voice)
    second: Voice = Voice(speed=60)
    third: Voice = Voice(speed=30)
    hidden: int = 3

    aliases: ClassVar[Aliases] = {
        "second": "",
        "second.form": "letters",
        "third": "",
        "third.form": None,
        "hidden": None,
    }


def sung(*arguments: str) -> Choir:
    parser = Parser("evollm")
    add(parser, Choir, "knobs")
    return build(Choir, said(parser.parse_args(arguments), Choir))


def test_settings_within_settings_are_options_by_path_or_alias() -> None:
    names = [name for name in options_of(Choir) if name not in options_of(Knobs)]
    assert names == ["first_voice.form", "first_voice.speed", "letters", "speed"]
    found = sung("--first-voice.form", "page", "--letters", "page", "--size", "3")
    assert found == Choir(3, first_voice=Voice("page"), second=Voice("page", 60))


def test_one_option_may_set_several_fields() -> None:
    found = sung("--speed", "5")
    assert (found.second, found.third) == (Voice(speed=5), Voice(speed=5))
    assert found.first_voice == Voice()
    parser = Parser("evollm")
    add(parser, Choir, "knobs")
    text = " ".join(parser.format_help().split())
    want = "second: words per minute (default: 60); third: words per minute (default: 30)"
    assert f"--speed N {want}" in text


def test_settings_within_settings_go_through_a_configuration() -> None:
    choir = Choir(first_voice=Voice("page", 7), second=Voice(speed=9))
    kept = values(choir)
    assert "speed" not in kept
    assert (kept["second.speed"], kept["third.speed"]) == (9, 30)
    assert build(Choir, kept) == choir
    tables = {"first_voice": {"form": "page", "speed": 7}, "second": {"speed": 9}}
    assert build(Choir, tables) == choir
    same = values(Choir(second=Voice(speed=30)))
    assert same["speed"] == 30


def test_what_settings_refuse_is_said_by_the_options_name() -> None:
    with pytest.raises(EvollmError, match=r"^--speed must be 1 or more, not 0$"):
        sung("--speed", "0")
    with pytest.raises(EvollmError, match=r"^--first-voice\.speed must be 1 or more, not 0$"):
        sung("--first-voice.speed", "0")


def test_none_can_be_said_where_a_number_may_be_left_out() -> None:
    assert parsed("--limit", "none").limit is None
    with pytest.raises(SystemExit):
        parsed("--rate", "none")


def test_two_options_of_one_name_are_refused() -> None:
    parser = Parser("evollm")
    add(parser, Knobs, "knobs")
    with pytest.raises(EvollmError, match="the option --size of Knobs already exists"):
        add(parser, Knobs, "again")
