"""Choices: the options of ``evollm run blackbox``, and the settings that they stand for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, ClassVar, Literal

from evollm.checks import at_least, shared
from evollm.cli.options import Aliases, option
from evollm.errors import EvollmError
from operators.vectors.rows import Decimals, RowFormat
from problems.blackbox.control_tasks import SETTINGS, TASKS, Activation
from problems.blackbox.controls import SHORT, Control
from problems.blackbox.framed import Framed
from problems.blackbox.paper import Decay, Paper, TwoLevel


@dataclass(frozen=True)
class Options:
    """What is searched, and how.

    Attributes:
        function: A BBOB function (sphere, f1 to f24), cartpole, acrobot, or FILE.py:NAME of yours.
        dimension: Number of coordinates; of a control task it is the number of weights.
        instance: Which shift and rotation (BBOB), or which episodes (control).
        bounds: Box of each coordinate of your function or weight; none for -5,5 or -3,3.
        maximize: Look for large values of a function of yours.
        hidden: For control: units of the hidden layers, none for no layer: 8,8.
        activation: For control: of the hidden units.
        episodes: For control: how many an evaluation plays.
        method: EvoLLM with framed samples (ours) or in the paper's way, or a control.
        target: Stop at this value (BBOB: above the optimum).
        population: Points per generation; none for 5 (control tasks: 16; cma: its own rule).
        warmup: Random points (framed: 10) or generations (paper: 4) before the model is asked.
        temperature: Of the model's answers, with paper of the first of three attempts; none for 1
            (framed) or 0 (paper).
        framed: The settings of ``--method framed``.
        paper: The settings of ``--method paper``.
        rule: For paper: the step shrinks by --decay, or is 0.05 after a new best and else 0.2.
        decay: The step size of the rule decay.
        numbers: For paper: how a prompt writes coordinates; decimals in the units of the box.
        header: For paper: say what the rows are; none for yes in a chat only.
        query: For paper: whether the query names a loss at all.
    """

    function: str = "sphere"
    dimension: int = 2
    instance: int = 1
    bounds: str | None = option(None, metavar="LOW,HIGH")
    maximize: bool = False
    hidden: str = "16"
    activation: Activation = "tanh"
    episodes: int = 16
    method: Literal["framed", "paper", "random", "hill", "recombination", "cma"] = "framed"
    target: float | None = None
    population: int | None = None
    warmup: int | None = None
    temperature: float | None = None
    framed: Framed = field(default_factory=Framed)
    paper: Paper = SHORT
    rule: Literal["decay", "two-level"] = "decay"
    decay: Decay = field(default_factory=Decay)
    numbers: Literal["integers", "decimals"] = "integers"
    header: bool | None = None
    query: bool = True

    aliases: ClassVar[Aliases] = {
        **dict.fromkeys(("framed", "paper", "paper.context", "paper.form"), ""),
        "paper.context.generations": "shown",
        "paper.form.header": None,
        "decay": "",
        "decay.first": "step",
        "decay.rate": "decay",
        **dict.fromkeys(("framed.offspring", "paper.population")),  # these depend on the method
        **dict.fromkeys(("framed.warmup", "paper.warmup", "framed.temperature")),
    }


def check(options: Options) -> None:
    """Refuse numbers with which a search would never begin, by the options' names."""
    at_least(1, options, "dimension", "episodes", "population", "warmup", prefix="--")
    at_least(0, options, "instance", "temperature", prefix="--")
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


def strategy(options: Options) -> Framed | Paper | Control:
    """Return the method that the options name, with its settings.

    Raises:
        EvollmError: If settings do not go together.
    """
    population = options.population
    if population is None and task_of(options) and options.method != "cma":
        population = SETTINGS.population
    if options.method == "framed":
        own = {"offspring": population, "temperature": options.temperature}
        return replace(options.framed, **_set(own, warmup=options.warmup))
    if options.method == "paper":
        return _paper(options, _set({"population": population, "warmup": options.warmup}))
    warmup = None if options.method == "random" else options.warmup
    return Control(options.method, _set({"population": population, "warmup": warmup}))


def _set(values: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {name: value for name, value in {**values, **more}.items() if value is not None}


def _paper(options: Options, own: dict[str, Any]) -> Paper:
    paper = options.paper
    if options.temperature is not None:
        own["temperatures"] = (options.temperature, *paper.temperatures[1:])
    step = TwoLevel() if options.rule == "two-level" else options.decay
    return replace(paper, **own, form=_form(options), step=step)


def _form(options: Options) -> RowFormat:
    """Return how rows are written, with what depends on other options."""
    form, chats = options.paper.form, options.paper.mode == "chat"
    header = chats if options.header is None else options.header
    form = replace(form, header=header, delta=form.delta if options.query else None)
    if options.numbers == "integers":
        return form
    low, high = box(options)
    return Decimals(**shared(form, RowFormat), low=low, high=high)
