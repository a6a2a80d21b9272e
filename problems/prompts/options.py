"""Choices: the options of ``evollm run prompts``, and the settings that they stand for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, TypeAlias

from evollm.checks import nearest
from evollm.cli.fields import leaves_of
from evollm.cli.options import Aliases, flagged, option
from evollm.cli.used import check_used
from evollm.errors import EvollmError
from problems.lm.settings import LMSettings
from problems.prompts import reference
from problems.prompts.data.options import TaskOptions
from problems.prompts.data.task import Task
from problems.prompts.methods.baselines import LeaveOneOut, RandomPruning, Unpruned
from problems.prompts.methods.evolution import Evolution
from problems.prompts.methods.front import Front
from problems.prompts.methods.greedy import Steepest, TAPruning
from problems.prompts.methods.llmlingua import LLMLingua
from problems.prompts.methods.method import Method
from problems.prompts.readers.judging import Judge, Reasoned
from problems.prompts.tokens import Mode

Name: TypeAlias = Literal[
    "quine", "ta", "strict", "steepest", "random", "loo", "llmlingua", "front", "unpruned"
]


@dataclass(frozen=True)
class Options(TaskOptions):
    """All options: those of the task first, then those of the search.

    Attributes:
        method: PromptQuine's evolutionary search (quine); TAPruning (ta), or its form that accepts
            improvements only (strict); steepest ascent; random pruning; leave one out (loo);
            LLMLingua-2 with --llmlingua FOLDER; a front of accuracy against length by NSGA-II; or
            the prompt as it is (unpruned).
        objective: What the search rewards: reward or accuracy; none for the task's first.
        mode: How a pruned prompt reaches the model: as text that is encoded again, the same without
            blanks before punctuation (text_cleaned), or as the kept tokens themselves (ids).
        merged: Whether a token that covers a slot's edge and its neighbour stays one token.
        halving: Score a child on the other half of the examples only if it reaches the worst
            survivor on the first half; for generations.
        equally: Whether both halves weigh the same, however many examples they have.
        like_reference: Follow the reference code where it differs from the paper; the report lists
            how far.
        tokenizer: For an endpoint: the tokenizer that cuts the prompt, hf:OWNER/MODEL, a folder, or
            a tokenizer.json.
        top: For an endpoint: how many of the likeliest tokens it is to list.
        chat: For an endpoint that does not continue texts: send a filled prompt as a message.
        evolution: The evolutionary search; of a front its size and its mutation.
        ta: TAPruning, strict or not.
        lingua: LLMLingua-2.
        answers: How worked answers are written.
        lm: How a model in this process is loaded.
    """

    method: Name = "quine"
    objective: str | None = option(None, metavar="NAME")
    mode: Mode = "text"
    merged: bool = True
    halving: bool = False
    equally: bool = False
    like_reference: bool = False
    tokenizer: str | None = option(None, metavar="NAME")
    top: int = 20
    chat: bool = False
    evolution: Evolution = field(default_factory=Evolution)
    ta: TAPruning = field(default_factory=TAPruning)
    lingua: LLMLingua = field(default_factory=LLMLingua)
    answers: Reasoned = field(default_factory=Reasoned)
    lm: LMSettings = field(default_factory=LMSettings)

    aliases: ClassVar[Aliases] = {
        "evolution": "",
        "ta": "",
        "ta.strict": None,
        "lingua.folder": "llmlingua",
        "lm": "",
    }


METHODS: Mapping[Name, Callable[[Options], Method]] = {
    "quine": lambda options: options.evolution,
    "ta": lambda options: options.ta,
    "strict": lambda options: replace(options.ta, strict=True),
    "steepest": lambda options: Steepest(),
    "random": lambda options: RandomPruning(),
    "loo": lambda options: LeaveOneOut(),
    "llmlingua": lambda options: options.lingua,
    "front": lambda options: _front(options.evolution),
    "unpruned": lambda options: Unpruned(),
}
REFERENCE: tuple[Name, ...] = ("quine", "ta", "strict", "unpruned")
"""The methods that the reference code has."""
_TA = ("ta.order", "ta.max_passes", "ta.ratio", "ta.reuse")
_USED: Mapping[str, tuple[str, ...]] = {
    "quine": ("evolution",),
    "front": ("evolution.population", "evolution.fewest", "evolution.most"),
    "ta": ("ta",),
    "strict": _TA,
    "llmlingua": ("lingua",),
}
"""The fields that have an effect with a method."""


def settled(options: Options) -> Options:
    """Return options that go together, with those of the reference code if it is to be followed.

    Raises:
        EvollmError: If an option is for another method, or contradicts ``like_reference``.
    """
    check_used(options, "method", _USED)
    if options.method == "llmlingua" and options.lingua.folder is None:
        raise EvollmError("--method llmlingua needs its classifier: give --llmlingua FOLDER")
    generational = options.method == "quine" and options.evolution.form == "generational"
    if options.halving and not generational:
        raise EvollmError(
            "--halving is for --method quine --form generational: leave it out, or use these"
        )
    if options.equally and not options.halving:
        raise EvollmError("--equally is about the halves of --halving: give both or neither")
    return _like_reference(options) if options.like_reference else options


def method_of(options: Options) -> Method:
    """Return how to prune."""
    return METHODS[options.method](options)


def objective_of(options: Options, task: Task) -> str:
    """Return the metric to reward; empty for the task's first.

    Raises:
        EvollmError: If the task has no such metric.
    """
    wanted = options.objective
    if wanted is not None and wanted not in task.metrics:
        raise EvollmError(
            f"--objective of the task {task.name} can't be '{wanted}'"
            f"{nearest(wanted, task.metrics)}"
        )
    return wanted or ""


def judge_of(options: Options, task: Task) -> Judge | None:
    """Return how answers are scored; None for what the task's kind implies.

    Raises:
        EvollmError: If options are about worked answers and the task has none.
    """
    if task.kind == "reasoning":
        return options.answers
    if options.answers != Reasoned():
        raise EvollmError(
            f"--answers.room and --answers.samples are for reasoning, and {task.name} is a "
            f"{task.kind}: leave them out"
        )
    return None


def _front(settings: Evolution) -> Front:
    return Front(settings.population, settings.fewest, settings.most)


def _like_reference(options: Options) -> Options:
    """Return the options with the reference code's settings.

    Raises:
        EvollmError: If one of them was changed to something else.
    """
    if options.method not in REFERENCE:
        raise EvollmError(
            f"the reference code has no --method {options.method}: leave --like-reference out, or "
            f"use {', '.join(REFERENCE)}"
        )
    followed = replace(
        options,
        mode=reference.MODE,
        equally=options.halving,
        evolution=reference.evolution(options.evolution),
        ta=reference.ta_pruning(options.ta),
    )
    for leaf in leaves_of(Options):
        given, theirs = _at(options, leaf.path), _at(followed, leaf.path)
        if given != theirs and given != leaf.default:
            raise EvollmError(
                f"{flagged(leaf.name)} {given} contradicts --like-reference, which means "
                f"{theirs}: leave one out"
            )
    return followed


def _at(settings: object, path: str) -> object:
    for name in path.split("."):
        settings = getattr(settings, name)
    return settings
