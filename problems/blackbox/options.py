"""Choices: the options of ``evollm run blackbox``, and the settings that they stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from evollm.checks import at_least
from evollm.cli.options import option
from evollm.errors import EvollmError
from evollm.llm.base import Mode
from operators.vectors.rows import Decimals, RowFormat
from problems.blackbox.context import Context, Order
from problems.blackbox.control_tasks import SETTINGS, TASKS, Activation
from problems.blackbox.paper import Decay, Paper, StepSize, TwoLevel


@dataclass(frozen=True)
class Searched:
    """What is searched, and how."""

    function: str = option(
        "sphere", "a BBOB function (sphere, f1 to f24), cartpole, acrobot, or FILE.py:NAME of yours"
    )
    dimension: int = option(2, "number of coordinates; control tasks have one a weight")
    instance: int = option(1, "which shift and rotation (BBOB), or which episodes (control)")
    bounds: str | None = option(
        None,
        "box of each coordinate of your function or weight; none for -5,5 or -3,3",
        metavar="LOW,HIGH",
    )
    maximize: bool = option(False, "look for large values of a function of yours")
    hidden: str = option("16", "control: units of the hidden layers, none for no layer: 8,8")
    activation: Activation = option("tanh", "control: of the hidden units")
    episodes: int = option(16, "control: how many an evaluation plays")
    method: Literal["framed", "paper", "random", "hill", "recombination", "cma"] = option(
        "framed", "EvoLLM with framed samples (ours) or the paper's way, or a control"
    )
    target: float | None = option(None, "stop at this value (BBOB: above the optimum)")
    population: int | None = option(
        None, "points a generation; none for 5 (control tasks: 16; cma: its own rule)"
    )
    warmup: int | None = option(
        None, "random points (framed: 10) or generations (paper: 4) before the model is asked"
    )
    block: int | None = option(None, "coordinates a prompt; none for 2 (framed) or 8 (paper)")
    shuffle: bool = option(False, "deal coordinates to blocks anew each generation")
    mode: Mode = option("plain", "continue a text, or chat (paper: with a header)")
    constrain: bool | None = option(
        None, "hold answers by a grammar of the endpoint; none for yes (framed) or no (paper)"
    )
    memory: int = option(10, "framed: how many of the best points a prompt shows")
    jitter: float = option(0.05, "framed: noise on a sample, in spreads of the best points")
    fixed: bool = option(False, "framed: keep the frame at the whole box")


@dataclass(frozen=True)
class Shown:
    """What a prompt of the paper's loop shows."""

    resolution: int = option(1000, "paper: steps into which a coordinate is cut")
    shown: int = option(3, "paper: generations that a prompt shows")
    members: int = option(3, "paper: rows of each")
    keep: Literal["last", "best", "random"] = option("last", "paper: which generations are shown")
    choose: Literal["within", "across", "upto", "random"] = option("within", "paper: which rows")
    order: Order = option("fitness", "paper: order of generations and rows, the best last or not")
    permuted: bool = option(False, "paper: deal the shown losses out at random, as a control")
    loss: Literal["raw", "scaled", "rank", "none"] = option("raw", "paper: what a row's loss reads")
    delta: float | None = option(0.1, "paper: by how much the query asks to be better")
    query: bool = option(True, "paper: whether the query names a loss at all")
    header: bool | None = option(None, "paper: say what the rows are; none for yes in a chat only")

    def form(self, mode: Mode) -> RowFormat:
        """Return how rows are written."""
        header = mode == "chat" if self.header is None else self.header
        return RowFormat(self.resolution, self.loss, self.delta if self.query else None, header)

    def context(self) -> Context:
        """Return which rows are shown."""
        shown = (self.shown, self.members, self.keep, self.choose, self.order, self.permuted)
        return Context(*shown)


@dataclass(frozen=True)
class Options(Shown, Searched):
    """All options; fields of ``Searched`` come first."""

    rule: Literal["decay", "two-level"] = option(
        "decay", "paper: the step shrinks by --decay, or is 0.05 after a new best and else 0.2"
    )
    step: float = option(0.02, "paper: standard deviation around the mean, in widths of the box")
    decay: float = option(1.0, "paper: factor of the step a generation")
    rate: float = option(1.0, "paper: how far the mean moves to the answer")
    fallback: Literal["best", "mean", "last"] = option("best", "paper: where no answer is usable")
    evaluate_mean: bool = option(False, "paper: evaluate the mean too")
    snap: bool = option(False, "paper: round points to the integers that the model sees")
    numbers: Literal["integers", "decimals"] = option(
        "integers", "paper: how a prompt writes coordinates; decimals in the units of the box"
    )
    temperature: float = option(0.0, "paper: of the first of three attempts at an answer")
    allow_prefix: bool = option(False, "paper: use the beginning of an answer that is too long")


def check(options: Options) -> None:
    """Refuse numbers with which a search would never begin, by the options' names."""
    counts = ("dimension", "episodes", "population", "warmup", "block", "memory", "resolution")
    at_least(1, options, *counts, "shown", "members", prefix="--")
    sizes = ("instance", "jitter", "step", "decay", "rate", "temperature")
    at_least(0, options, *sizes, prefix="--")
    if options.method == "cma" and options.population == 1:
        raise EvollmError("--population must be 2 or more for --method cma, not 1")
    if options.target is not None and not isfinite(options.target):
        raise EvollmError(f"--target must be a finite number, not {options.target}")


def numbers(text: str, name: str, kind: type[Any], example: str) -> list[Any]:
    """Return the numbers of an option such as ``-5,5``.

    Raises:
        EvollmError: If it holds anything else.
    """
    try:
        return [kind(part) for part in text.split(",") if text != "none"]
    except ValueError:
        raise EvollmError(f"--{name} must be numbers such as {example}, not {text!r}") from None


def task_of(options: Options) -> str | None:
    """Return the control task that is meant, if one is."""
    name = options.function.lower()
    return name if name in TASKS else None


def box(options: Options) -> tuple[float, float]:
    """Return the bounds of every coordinate; those of BBOB are its own.

    Raises:
        EvollmError: If they are no two numbers.
    """
    default = "-3,3" if task_of(options) else "-5,5"
    own = task_of(options) or ":" in options.function
    found = numbers((own and options.bounds) or default, "bounds", float, default)
    if len(found) != 2:
        raise EvollmError(f"--bounds must be two numbers LOW,HIGH, say -5,5, not {options.bounds}")
    return found[0], found[1]


def settings(options: Options) -> dict[str, Any]:
    """Return the method's settings that the options name."""
    population = options.population
    if population is None and task_of(options) and options.method != "cma":
        population = SETTINGS.population
    if options.method == "framed":
        found = _framed(options) | {"offspring": population}
    elif options.method == "paper":
        found = _paper(options) | {"population": population}
    elif options.method == "random":
        found = {"population": population}
    else:
        found = {"population": population, "warmup": options.warmup}
    return {name: value for name, value in found.items() if value is not None}


def _framed(options: Options) -> dict[str, Any]:
    """Return fields of ``Framed``."""
    return _picked(options, ("memory", "jitter", "fixed"))


def _paper(options: Options) -> dict[str, Any]:
    """Return fields of ``Paper``."""
    names = ("rate", "fallback", "evaluate_mean", "snap", "allow_prefix")
    return _picked(options, names) | {
        "form": _form(options),
        "context": options.context(),
        "step": _step(options),
        "temperatures": (options.temperature, *Paper().temperatures[1:]),
    }


def _form(options: Options) -> RowFormat:
    form = options.form(options.mode)
    if options.numbers == "integers":
        return form
    low, high = box(options)
    return Decimals(form.resolution, form.loss, form.delta, form.header, low, high)


def _step(options: Options) -> StepSize:
    return TwoLevel() if options.rule == "two-level" else Decay(options.step, options.decay)


def _picked(options: Options, names: Sequence[str]) -> dict[str, Any]:
    """Return what both ways of EvoLLM take, and some options more, under the same names."""
    shared = ("warmup", "block", "shuffle", "mode", "constrain")
    return {name: getattr(options, name) for name in (*shared, *names)}
