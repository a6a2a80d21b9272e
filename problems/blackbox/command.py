"""``evollm run blackbox``: EvoLLM and its controls on a BBOB function or one of the user's."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from evollm.budget import Budget
from evollm.command import Plan
from evollm.llm.base import LanguageModel, Mode
from evollm.options import option
from evollm.result import Result
from evollm.types import EvollmError, Individual
from operators.rows import Form
from problems.blackbox.bbob import bbob
from problems.blackbox.context import Context
from problems.blackbox.function import Function
from problems.blackbox.methods import flow
from problems.blackbox.space import Space
from problems.blackbox.strategy import Decay
from problems.blackbox.tally import fallback_share


@dataclass(frozen=True, slots=True)
class Options:
    """What is searched, and how."""

    function: str = option(
        "sphere", "a BBOB function (sphere, f1 to f24), or FILE.py:NAME of yours"
    )
    dimension: int = option(2, "number of coordinates")
    instance: int = option(1, "BBOB's instance: which shift and rotation")
    bounds: str = option("-5,5", "box of a function of yours, each coordinate", metavar="LOW,HIGH")
    maximize: bool = option(False, "look for large values of a function of yours")
    method: Literal["framed", "paper", "random", "hill", "recombination", "cma"] = option(
        "framed", "EvoLLM with framed samples (ours) or the paper's way, or a control"
    )
    target: float | None = option(None, "stop at this value (BBOB: above the optimum)")
    population: int | None = option(None, "points a generation; none for 5")
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
    resolution: int = option(1000, "paper: steps into which a coordinate is cut")
    shown: int = option(3, "paper: generations that a prompt shows")
    members: int = option(3, "paper: rows of each")
    keep: Literal["last", "best", "random"] = option("last", "paper: which generations are shown")
    choose: Literal["within", "across", "upto", "random"] = option("within", "paper: which rows")
    order: Literal["fitness", "time"] = option("fitness", "paper: order of the generations")
    loss: Literal["raw", "scaled", "rank", "none"] = option("raw", "paper: what a row's loss reads")
    delta: float | None = option(0.1, "paper: by how much the query asks to be better")
    step: float = option(0.02, "paper: standard deviation around the mean, in widths of the box")
    decay: float = option(1.0, "paper: factor of the step a generation")
    fallback: Literal["best", "mean", "last"] = option("best", "paper: where no answer is usable")


class Blackbox:
    """The command."""

    help = "minimise or maximise a function of numbers: EvoLLM and its controls"
    options = Options

    def plan(self, options: Options, connect: Callable[[], LanguageModel], seed: int) -> Plan:
        """Prepare a search; see ``evollm.command.Command``."""
        _check(options)
        problem, optimum = _problem(options)
        space = problem.space
        search = flow(options.method, space, seed, connect, settings=_settings(options))
        return Plan(
            search,
            problem,
            Budget(evaluations=100, target=_target(problem, optimum, options.target)),
            value=partial(_value, problem, optimum),
            show=partial(_show, problem),
            report=_fallbacks,
            label="value" if optimum is None else "value above the optimum",
        )


COMMAND = Blackbox()


def _check(options: Options) -> None:
    """Refuse numbers with which a search would never begin."""
    for name in ("dimension", "population", "warmup", "block", "memory", "shown", "members"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise EvollmError(f"--{name} must be 1 or more, not {value}")
    if options.method == "cma" and options.population == 1:
        raise EvollmError("--population must be 2 or more for --method cma, not 1")
    for name in ("jitter", "step", "decay"):
        if not getattr(options, name) >= 0:
            raise EvollmError(f"--{name} must be 0 or more, not {getattr(options, name)}")


def _problem(options: Options) -> tuple[Function, float | None]:
    """Return the function, and its optimal value if that is known."""
    if ":" not in options.function:
        problem, _, optimum = bbob(options.function, options.dimension, options.instance)
        return problem, optimum
    space = Space.of([_pair(options.bounds)] * options.dimension)
    file, _, name = options.function.rpartition(":")
    named = _Named(str(Path(file).resolve()), name)
    _load(named.file, named.name)
    return Function(named, space, options.maximize), None


def _pair(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise EvollmError(f"the bounds {text!r} must be two numbers LOW,HIGH, say -5,5") from None
    return low, high


@dataclass(frozen=True, slots=True)
class _Named:
    """A function of a file of the user's, which travels to workers by its place."""

    file: str
    name: str

    @property
    def __name__(self) -> str:
        """The function's name, under which the problem is recorded."""
        return self.name

    def __call__(self, point: Any) -> Any:
        """Call the function, loaded once a process."""
        return _load(self.file, self.name)(point)


@cache
def _load(file: str, name: str) -> Callable[[Any], Any]:
    """Return the user's function from the user's file."""
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    if not Path(file).is_file() or spec is None or spec.loader is None:
        raise EvollmError(f"there is no Python file {file}: give your function as FILE.py:NAME")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise EvollmError(f"{file} can't be loaded: {type(error).__name__}: {error}") from None
    found = getattr(module, name, None)
    if not callable(found):
        raise EvollmError(f"{file} has no function {name}")
    function: Callable[[Any], Any] = found
    return function


def _settings(options: Options) -> dict[str, Any]:
    """Return the method's settings that the options name."""
    if options.method == "framed":
        found = _framed(options)
    elif options.method == "paper":
        found = _paper(options)
    elif options.method == "random":
        found = {"population": options.population}
    else:
        found = {"population": options.population, "warmup": options.warmup}
    return {name: value for name, value in found.items() if value is not None}


def _shared(options: Options) -> dict[str, Any]:
    """Return what both ways of EvoLLM take."""
    names = ("warmup", "block", "shuffle", "mode", "constrain")
    return {name: getattr(options, name) for name in names}


def _framed(options: Options) -> dict[str, Any]:
    """Return fields of ``Framed``."""
    return _shared(options) | {
        "offspring": options.population,
        "memory": options.memory,
        "jitter": options.jitter,
        "fixed": options.fixed,
    }


def _paper(options: Options) -> dict[str, Any]:
    """Return fields of ``Paper``."""
    shown = (options.shown, options.members, options.keep, options.choose, options.order)
    return _shared(options) | {
        "population": options.population,
        "form": Form(options.resolution, options.loss, options.delta, options.mode == "chat"),
        "context": Context(*shown),
        "step": Decay(options.step, options.decay),
        "fallback": options.fallback,
    }


def _value(problem: Function, optimum: float | None, fitness: float) -> str:
    """Write a fitness as the function's value, or as its distance from a known optimum."""
    value = fitness if problem.maximize else 0.0 - fitness
    return f"{value - (optimum or 0.0):.6g}"


def _target(problem: Function, optimum: float | None, value: float | None) -> float | None:
    """Return the fitness of a value that the user aims at."""
    if value is None:
        return None
    return value if problem.maximize else -(value + (optimum or 0.0))


def _show(problem: Function, individual: Individual[Any]) -> str:
    return str(problem.space.decode(individual.genome))


def _fallbacks(result: Result[Any]) -> str:
    if not result.usage.calls:
        return ""
    share = fallback_share(result)
    return f"fall-backs    {share:.1%} of what the model was asked came from a stand-in"
