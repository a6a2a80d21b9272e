"""Options: the options of ``evollm run blackbox``, and the settings they determine."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, ClassVar, Literal

from evollm.checks import at_least, shared
from evollm.cli.options import Aliases, option
from evollm.cli.used import check_used
from evollm.errors import EvollmError
from operators.vectors.rows import Decimals, RowFormat
from problems.blackbox.control_tasks import SETTINGS, TASKS, Activation
from problems.blackbox.controls import SHORT, Control
from problems.blackbox.framed import Framed
from problems.blackbox.function import NO_NOISE, Noise
from problems.blackbox.paper import Decay, Paper, TwoLevel

OWN, CONTROL, BBOB = "your own function (FILE.py:NAME)", "a control task", "a BBOB function"


@dataclass(frozen=True)
class Options:
    """The function to optimise, and the method.

    Attributes:
        function: A BBOB function (sphere, f1 to f24), cartpole, acrobot, or your own as
            FILE.py:NAME.
        dimension: Number of coordinates; ignored for control tasks, which have one per weight.
        instance: Selects shift and rotation (BBOB) or episodes (control).
        bounds: Range of each coordinate of your function, or of each weight; none for -5,5 or -3,3.
        maximize: Maximise your own function.
        constraints: For your own function: a function of a point that returns one number per
            constraint, at most 0 if it is satisfied, as FILE.py:NAME.
        noise: How often points are evaluated.
        hidden: For control: units of the hidden layers, such as 8,8; none for no hidden layer.
        activation: For control: activation of the hidden units.
        episodes: For control: number of episodes per evaluation.
        method: EvoLLM with framed samples (ours) or with the paper's loop, or a control.
        target: Stop at this value (BBOB: above the optimum).
        population: Points per generation; none for 5 (control tasks: 16; cma: its own rule).
        warmup: Random points (framed: 10) or generations (paper: 4) before the model is asked.
        temperature: Sampling temperature, for paper of the first of three attempts; none for 1
            (framed) or 0 (paper).
        adapter: For framed: what the offline model was taught: default for the adapter of the
            package, auto for that one if the function has up to ten coordinates, a GGUF file, a
            folder that evollm tune wrote, or none.
        framed: The settings of ``--method framed``.
        paper: The settings of ``--method paper``.
        rule: For paper: the step size shrinks by --decay, or is 0.05 after a new best and otherwise
            0.2.
        decay: The step size for --rule decay.
        numbers: For paper: how coordinates are written in prompts; decimals are in the units of the
            box.
        header: For paper: explain the rows in the prompt; none for yes only in chat mode.
        query: For paper: whether the query names a loss.
    """

    function: str = "sphere"
    dimension: int = 2
    instance: int = 1
    bounds: str | None = option(None, metavar="LOW,HIGH")
    maximize: bool = False
    constraints: str | None = option(None, metavar="FILE.py:NAME")
    noise: Noise = NO_NOISE
    hidden: str = "16"
    activation: Activation = "tanh"
    episodes: int = 16
    method: Literal["framed", "paper", "random", "hill", "recombination", "cma"] = "framed"
    target: float | None = None
    population: int | None = None
    warmup: int | None = None
    temperature: float | None = None
    adapter: str = option("auto", metavar="PATH")
    framed: Framed = field(default_factory=Framed)
    paper: Paper = SHORT
    rule: Literal["decay", "two-level"] = "decay"
    decay: Decay = field(default_factory=Decay)
    numbers: Literal["integers", "decimals"] = "integers"
    header: bool | None = None
    query: bool = True

    aliases: ClassVar[Aliases] = {
        **dict.fromkeys(("framed", "paper", "paper.context", "paper.form", "noise"), ""),
        "paper.context.generations": "shown",
        "paper.form.header": None,
        "decay": "",
        "decay.first": "step",
        "decay.rate": "decay",
        **dict.fromkeys(
            ("framed.offspring", "paper.population")
        ),  # these defaults depend on the method
        **dict.fromkeys(("framed.warmup", "paper.warmup", "framed.temperature")),
    }


def check(options: Options) -> None:
    """Check the numbers in options, which errors name."""
    at_least(1, options, "dimension", "episodes", "population", "warmup", prefix="--")
    at_least(0, options, "instance", "temperature", prefix="--")
    check_used(options, "method", USED)
    _check_function(options)
    if options.method == "cma" and options.population == 1:
        raise EvollmError("--population must be 2 or more for --method cma, not 1")
    if options.target is not None and not isfinite(options.target):
        raise EvollmError(f"--target must be a finite number, not {options.target}")


USED: Mapping[str, tuple[str, ...]] = {
    "framed": ("framed", "adapter", "warmup", "temperature"),
    "paper": ("paper", "rule", "decay", "numbers", "header", "query", "warmup", "temperature"),
    "hill": ("warmup",),
    "recombination": ("framed.quadratic", "warmup"),
    "cma": ("warmup",),
}
"""The fields that have an effect with a method."""
FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "maximize": (OWN,),
    "constraints": (OWN,),
    "bounds": (OWN, CONTROL),
    "instance": (BBOB, CONTROL),
    **dict.fromkeys(("hidden", "activation", "episodes"), (CONTROL,)),
}
"""The functions for which an option has an effect."""


def _check_function(options: Options) -> None:
    """Refuse options that have no effect for the chosen function."""
    kind = CONTROL if task_of(options) else OWN if is_own(options) else BBOB
    for name, kinds in FUNCTIONS.items():
        if kind not in kinds and getattr(options, name) != getattr(Options, name):
            raise EvollmError(
                f"--{name} is for {' or '.join(kinds)}: leave it out, or name such a function "
                "with --function"
            )


def is_own(options: Options) -> bool:
    """Return whether the function is the user's own."""
    return ":" in options.function or options.function.endswith(".py")


def numbers(text: str, name: str, kind: type[Any], example: str) -> list[Any]:
    """Return the numbers of an option such as ``-5,5``.

    Raises:
        EvollmError: If it contains anything else.
    """
    try:
        return [kind(part) for part in text.split(",") if text != "none"]
    except ValueError:
        raise EvollmError(f"--{name} must be numbers such as {example}, not {text!r}") from None


def task_of(options: Options) -> str | None:
    """Return the chosen control task, if any."""
    name = options.function.lower()
    return name if name in TASKS else None


def box(options: Options) -> tuple[float, float]:
    """Return the bounds of every coordinate; BBOB has its own.

    Raises:
        EvollmError: If they are not two numbers.
    """
    default = "-3,3" if task_of(options) else "-5,5"
    found = numbers(options.bounds or default, "bounds", float, default)
    if len(found) != 2:
        raise EvollmError(
            f"--bounds must be two numbers LOW,HIGH, such as -5,5, not {options.bounds}"
        )
    return found[0], found[1]


def strategy(options: Options) -> Framed | Paper | Control:
    """Return the method that the options name, with its settings.

    Raises:
        EvollmError: If settings can't be combined.
    """
    population = options.population
    if population is None and task_of(options) and options.method != "cma":
        population = SETTINGS.population
    if options.method == "framed":
        own = {"offspring": population, "temperature": options.temperature}
        return replace(options.framed, **_set(own, warmup=options.warmup))
    if options.method == "paper":
        return _paper(options, _set({"population": population, "warmup": options.warmup}))
    own = {"population": population, "warmup": options.warmup}
    return Control(options.method, _set(own, quadratic=options.framed.quadratic))


def _set(values: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {name: value for name, value in {**values, **more}.items() if value is not None}


def _paper(options: Options, own: dict[str, Any]) -> Paper:
    paper = options.paper
    if options.temperature is not None:
        own["temperatures"] = (options.temperature, *paper.temperatures[1:])
    step = TwoLevel() if options.rule == "two-level" else options.decay
    return replace(paper, **own, form=_form(options), step=step)


def _form(options: Options) -> RowFormat:
    """Return the format of rows, including the parts that depend on other options."""
    form, chats = options.paper.form, options.paper.mode == "chat"
    header = chats if options.header is None else options.header
    form = replace(form, header=header, delta=form.delta if options.query else None)
    if options.numbers == "integers":
        return form
    low, high = box(options)
    return Decimals(**shared(form, RowFormat), low=low, high=high)
