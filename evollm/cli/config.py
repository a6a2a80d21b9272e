"""Configuration: the settings of a run, from options, a TOML file or a record."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from evollm.checks import at_least, nearest
from evollm.cli.options import Aliases, build, option, options_of, values
from evollm.errors import EvollmError
from evollm.executors.names import EXECUTORS, Workers
from evollm.llm.base import Price
from evollm.llm.client.settings import Settings
from evollm.llm.transport.addresses import split_url
from evollm.paths import anchored
from evollm.runtime.budget import Budget
from evollm.runtime.driver import OnError
from evollm.types import JSON


@dataclass(frozen=True, slots=True)
class Limits(Budget):
    """What ends a run, as options: a budget without the target, which is the problem's option."""

    aliases: ClassVar[Aliases] = {"target": None}


@dataclass(frozen=True, slots=True)
class Machinery:
    """Where and how a run works, as options.

    Attributes:
        seed: Fixes everything in the search except the model's answers.
        executor: Where evaluations run.
        workers: Number, time limit and resources of the executor's workers.
        on_error: Whether the run continues after a failed evaluation (record) or ends (raise).
    """

    seed: int = 0
    executor: str = option("serial", choices=tuple(EXECUTORS))
    workers: Workers = field(default_factory=Workers)
    on_error: OnError = "record"

    aliases: ClassVar[Aliases] = {"workers": "", "workers.seconds": "time_limit"}

    def __post_init__(self) -> None:
        at_least(0, self, "seed")
        self.workers.given_to(self.executor)


@dataclass(frozen=True, slots=True)
class Model:
    """Which language model is used, as options.

    Attributes:
        model: A model's name at the endpoint, a GGUF file, or a folder that contains one; where the
            problem computes with the model itself, also hf:OWNER/MODEL; none for EVOLLM_MODEL or
            the offline model.
        base_url: Address of an OpenAI-compatible endpoint; none for OPENAI_BASE_URL.
        price: Price per million prompt tokens and per million generated tokens.
        headers: Additional HTTP headers, separated by commas; refer to a key by its variable:
            'api-key=$MY_KEY'.
        cache: Whether answers are stored in the user's cache and served from it.
        settings: All other settings of the endpoint.
    """

    model: str | None = None
    base_url: str | None = None
    price: str | None = option(None, metavar="IN,OUT")
    headers: str | None = option(None, metavar="NAME=VALUE")
    cache: bool = True
    settings: Settings = field(default_factory=Settings)

    aliases: ClassVar[Aliases] = {"settings": "", "settings.identity": None}

    def __post_init__(self) -> None:
        if self.base_url:
            split_url(self.base_url)

    def connection(self) -> Settings:
        """Return the settings of the endpoint.

        Raises:
            EvollmError: If an option is invalid, or contains a key instead of its variable's name.
        """
        return replace(
            self.settings,
            headers=self.sent_headers,
            price=Price.parse(self.price) if self.price else None,
            cache="user" if self.cache else None,
        )

    @property
    def sent_headers(self) -> dict[str, str]:
        """The headers by name.

        Raises:
            EvollmError: If they are not of the form NAME=VALUE.
        """
        pairs = [part.partition("=") for part in (self.headers or "").split(",") if part.strip()]
        if not all(equals for _, equals, _ in pairs):
            raise EvollmError(
                "--headers must have the form NAME=VALUE, with commas between several"
            )
        return {name.strip(): value.strip() for name, _, value in pairs}


PARTS: Mapping[str, type[Any]] = {"limits": Limits, "run": Machinery, "model": Model}
"""The parts of a configuration other than ``problem`` (a name) and ``options`` (the problem's)."""


def complete(problem: str, options: type[Any], given: Mapping[str, Any]) -> dict[str, JSON]:
    """Return a complete configuration: the given values, with defaults for the rest.

    Args:
        problem: The problem's name.
        options: The dataclass of the problem's options.
        given: The given values by part (``options``, ``limits``, ``run``, ``model``).

    Raises:
        EvollmError: If a part or a key is unknown (the message suggests the nearest one), or a
            value is invalid.
    """
    kinds = {"options": options, **PARTS}
    for part in given:
        if part not in kinds:
            raise EvollmError(f"there is no part '{part}'{nearest(part, sorted(kinds))}")
    return {"problem": problem} | {
        part: values(build(kind, given.get(part, {}), f"key of [{part}]"))
        for part, kind in kinds.items()
    }


def read(file: Path) -> dict[str, Any]:
    """Read a configuration from a TOML file.

    Raises:
        EvollmError: If the file does not exist, is not TOML, or does not name a problem.
    """
    try:
        found = tomllib.loads(anchored(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise EvollmError(f"can't read the configuration {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EvollmError(f"{file} is not a TOML file ({error})") from None
    if not isinstance(found.get("problem"), str):
        raise EvollmError(
            f'{file} does not name a problem: begin it with a line such as problem = "blackbox"'
        )
    for part, keys in found.items():
        if part != "problem" and not isinstance(keys, dict):
            raise EvollmError(
                f"{file}: '{part}' is outside any section: put it below [options], [limits], [run] "
                "or [model]"
            )
    return found


def written(config: Mapping[str, Any], options: type[Any] | None = None) -> str:
    """Write a configuration as TOML that ``read`` reads.

    None, which TOML lacks, is omitted where it is the default, and otherwise written as "none".

    Args:
        config: The configuration.
        options: The dataclass of the problem's options; without it their None is always omitted.
    """
    kinds = {**PARTS} if options is None else {"options": options, **PARTS}
    lines = [f"problem = {_value(config['problem'])}"]
    for part, keys in config.items():
        if part != "problem":
            default = _defaults(kinds[part]) if part in kinds else {}
            said = {
                key: "none" if value is None else value
                for key, value in keys.items()
                if value is not None or default.get(key) is not None
            }
            lines += ["", f"[{part}]", *(f"{key} = {_value(value)}" for key, value in said.items())]
    return "\n".join(lines) + "\n"


def _defaults(kind: type[Any]) -> dict[str, Any]:
    """Return the defaults of options, by their names and the paths of their fields."""
    leaves = options_of(kind)
    paths = {leaf.path: leaf.default for found in leaves.values() for leaf in found}
    return paths | {name: found[0].default for name, found in leaves.items()}


def _value(value: Any) -> str:
    """Write a string, a number, a boolean or a list of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
