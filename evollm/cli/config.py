"""Configuration: what a run of the command line was told, as options, in a TOML file, on record."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from evollm.checks import nearest
from evollm.cli.options import build, option
from evollm.errors import EvollmError
from evollm.paths import anchored
from evollm.runtime.driver import OnError
from evollm.types import JSON


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a run, as options."""

    evaluations: int | None = option(None, "stop after so many evaluations")
    generations: int | None = option(None, "stop after so many generations")
    seconds: float | None = option(None, "stop after so much working time")
    calls: int | None = option(None, "stop after so many answers of the model")
    tokens: int | None = option(None, "stop before more tokens than this")
    money: float | None = option(None, "stop before paying more; needs --price")
    cost: float | None = option(
        None, "stop after evaluations of this cost, in the problem's own unit"
    )
    stagnation: int | None = option(None, "stop after so many generations without a better fitness")


@dataclass(frozen=True, slots=True)
class Machinery:
    """Where and how a run works, as options."""

    seed: int = option(0, "fixes the search")
    executor: Literal["serial", "threads", "processes", "ray"] = option(
        "serial", "where evaluations run"
    )
    workers: int | None = option(None, "how many run at once; none for all processors")
    time_limit: float | None = option(
        None, "seconds for one evaluation; with processes or ray only", metavar="SECONDS"
    )
    on_error: OnError = option("record", "whether a failed evaluation is survived, or ends the run")

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise EvollmError(f"--seed must be 0 or more, not {self.seed}")
        if self.workers is not None and self.workers < 1:
            raise EvollmError(f"--workers must be 1 or more, not {self.workers}")
        if self.time_limit is not None and not self.time_limit > 0:
            raise EvollmError(f"--time-limit must be positive, not {self.time_limit}")


@dataclass(frozen=True, slots=True)
class Model:
    """Which language model serves, as options."""

    model: str | None = option(
        None, "a model's name, or a GGUF file; none for EVOLLM_MODEL or the offline model"
    )
    base_url: str | None = option(None, "an OpenAI-compatible endpoint; none for OPENAI_BASE_URL")
    price: str | None = option(
        None, "price of a million prompt and generated tokens", metavar="IN,OUT"
    )
    concurrency: int = option(16, "requests at the same time")
    requests_per_minute: float | None = option(None, "rate limit")
    tokens_per_minute: float | None = option(None, "rate limit")
    timeout_s: float = option(120.0, "seconds that one request may take")
    retries: int = option(6, "how often a request is sent at most")
    max_wait_s: float = option(300.0, "seconds of waiting for a busy endpoint")
    headers: str | None = option(
        None,
        "further headers, parted by commas; a key by its variable's name: 'api-key=$MY_KEY'",
        metavar="NAME=VALUE",
    )
    cache: bool = option(True, "whether answers are kept and served again from the user's cache")

    @property
    def sent_headers(self) -> dict[str, str]:
        """The headers by name.

        Raises:
            EvollmError: If they are not given as NAME=VALUE.
        """
        pairs = [part.partition("=") for part in (self.headers or "").split(",") if part.strip()]
        if not all(equals for _, equals, _ in pairs):
            raise EvollmError("--headers must be given as NAME=VALUE, several parted by commas")
        return {name.strip(): value.strip() for name, _, value in pairs}


PARTS: Mapping[str, type[Any]] = {"limits": Limits, "run": Machinery, "model": Model}
"""The parts of a configuration beside ``problem``, its name, and ``options``, its own."""


def complete(problem: str, options: type[Any], said: Mapping[str, Any]) -> dict[str, JSON]:
    """Return a whole configuration: what was said, and defaults for the rest.

    Args:
        problem: The problem's name.
        options: The dataclass of its own options.
        said: By part (``options``, ``limits``, ``run``, ``model``) what was said.

    Raises:
        EvollmError: If a part or a key is unknown, with the nearest one; or a value is wrong.
    """
    kinds = {"options": options, **PARTS}
    for part in said:
        if part not in kinds:
            raise EvollmError(f"there is no part '{part}'{nearest(part, sorted(kinds))}")
    return {"problem": problem} | {
        part: asdict(build(kind, said.get(part, {}), f"key of [{part}]"))
        for part, kind in kinds.items()
    }


def read(file: Path) -> dict[str, Any]:
    """Read a configuration from a TOML file.

    Raises:
        EvollmError: If there is no such file, it is no TOML, or it names no problem.
    """
    try:
        found = tomllib.loads(anchored(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise EvollmError(f"can't read the configuration {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EvollmError(f"{file} is no TOML file ({error})") from None
    if not isinstance(found.get("problem"), str):
        raise EvollmError(f'{file} names no problem: begin it with problem = "blackbox", say')
    for part, keys in found.items():
        if part != "problem" and not isinstance(keys, dict):
            raise EvollmError(f"{file}: '{part}' stands alone: put it below [options] or [limits]")
    return found


def written(config: Mapping[str, Any]) -> str:
    """Write a configuration as TOML, which ``read`` takes back; what is None is left out."""
    lines = [f"problem = {_value(config['problem'])}"]
    for part, keys in config.items():
        if part != "problem":
            lines += ["", f"[{part}]"]
            lines += [f"{key} = {_value(v)}" for key, v in keys.items() if v is not None]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """Write a string, a number, a truth value or a list of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
