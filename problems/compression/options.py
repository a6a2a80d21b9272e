"""Choices: the options of ``evollm run compression``, and the settings that they stand for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from evollm.cli.fields import leaves_of
from evollm.cli.options import Aliases, flagged, option
from evollm.cli.used import check_used
from evollm.errors import EvollmError
from problems.compression.baselines.rules import Beside
from problems.compression.evaluation.divergence import Metric
from problems.compression.kinds import GGUF, Depth, Joint, Kind, Quantization, Sparsity
from problems.compression.layout import Rule
from problems.compression.levels.settings import LevelSettings, Method
from problems.compression.schedules import Preset, Schedule, changed, schedule, stages_of
from problems.compression.texts import TextSettings
from problems.lm.settings import LMSettings

Checkpoint: TypeAlias = Literal["auto", "packed", "dense", "none"]
KindName: TypeAlias = Literal["depth", "sparsity", "quantization", "joint", "gguf"]


@dataclass(frozen=True)
class Making:
    """How levels are made.

    Attributes:
        method: gptq or rtn (round to nearest) to quantise; sparsegpt, wanda or magnitude to prune;
            none for gptq or sparsegpt.
        damping: Of gptq and sparsegpt, what is added to the inputs' mean squares, as a share of
            their mean.
        order: Let gptq quantise the columns with the largest inputs first.
        carry: The level that later blocks see the effect of while theirs are made: bits per weight,
            or the share of zeros; none for unchanged weights.
    """

    method: Method | None = None
    damping: float = 0.01
    order: bool = False
    carry: float | None = None


@dataclass(frozen=True)
class Lengths:
    """Changes of the schedule.

    Attributes:
        offspring: Different children per generation.
        stages: Survivors and tokens of each stage of selection, such as 8@2048,1@16384.
        starts: Random first candidates, where the start is not uniform.
        start_tokens: Tokens on which these are scored.
        pool: Tokens of text to draw from.
        window: Tokens of each piece of it.
    """

    offspring: int | None = None
    stages: str | None = option(None, metavar="K@N,...")
    starts: int | None = None
    start_tokens: int | None = None
    pool: int | None = None
    window: int | None = None


@dataclass(frozen=True)
class Options:
    """All options.

    Attributes:
        kind: What is compressed: depth drops sublayers, sparsity sets weights to zero, quantization
            chooses bits, joint drops sublayers and chooses bits under one budget, and gguf chooses
            the types of a GGUF file.
        drop: Share of the attention and of the MLP sublayers to drop; none for 0.25, joint 0.125.
        whole_blocks: Drop blocks as a whole.
        sparsity: Share of zeros; none for 0.6.
        step: Weights between two levels of sparsity; none for a quarter of the smallest layer.
        cap: Levels of sparsity on each side of the target; none for 8.
        bits: Bits per weight on average, which need not be whole; none for 3, and for 5 of gguf,
            where scales count.
        choices: Bits to choose from, such as 2,3,4,8; none for 2,3,4,5,6.
        group_size: Neighbouring weights that share a scale; 0 for whole rows, none for 64.
        group_rule: Which layers trade bits: those of equal size, of equal name, or all (none).
        schedule: How long the search is: quick for minutes on a CPU, super-fast or paper.
        super_fast: The same as --schedule super-fast.
        front: Search for the best levels for each number of bytes, instead of one budget.
        metric: What is minimised: the KL divergence from the whole model, or perplexity.
        beside: Rules that the report measures beside the result, at equal bytes: those that take
            seconds (quick), all of them, or none.
        checkpoint: Write the compressed model into the run directory: its quantised layers packed,
            or dense; auto packs where the public format has all widths; none writes no model. Of
            gguf a GGUF file is written.
        check: Refuse a model that predicts text hardly better than chance.
        database: The folder of the levels; none for one in the cache.
        lengths: Changes of the schedule.
        text: What is searched and measured on.
        making: How levels are made.
        lm: How the model is loaded.
    """

    kind: KindName = "depth"
    drop: float | None = None
    whole_blocks: bool = False
    sparsity: float | None = None
    step: int | None = None
    cap: int | None = None
    bits: float | None = None
    choices: str | None = option(None, metavar="N,N,...")
    group_size: int | None = None
    group_rule: Rule = "size"
    schedule: Preset = "quick"
    super_fast: bool = False
    front: bool = False
    metric: Metric = "kl"
    beside: Beside = "quick"
    checkpoint: Checkpoint = "auto"
    check: bool = True
    database: str | None = option(None, metavar="FOLDER")
    lengths: Lengths = field(default_factory=Lengths)
    text: TextSettings = field(default_factory=TextSettings)
    making: Making = field(default_factory=Making)
    lm: LMSettings = field(default_factory=LMSettings)

    aliases: ClassVar[Aliases] = {"lengths": "", "text": "", "making": "", "lm": ""}


_DEPTH = ("drop", "whole_blocks")
_BITS = ("bits", "choices", "group_size", "group_rule", "making")
_USED: Mapping[KindName, tuple[str, ...]] = {
    "depth": _DEPTH,
    "sparsity": ("sparsity", "step", "cap", "making"),
    "quantization": _BITS,
    "joint": (*_DEPTH, *_BITS),
    "gguf": ("bits",),
}
"""The fields that have an effect with a kind."""


def kind_of(options: Options) -> Kind:
    """Return what is compressed.

    Raises:
        EvollmError: If an option is about another kind, or out of range.
    """
    check_used(options, "kind", _USED)
    with in_flags():
        return _kind(options)


def _kind(options: Options) -> Kind:
    default = 0.125 if options.kind == "joint" else 0.25
    depth = Depth(default if options.drop is None else options.drop, options.whole_blocks)
    if options.kind == "depth":
        return depth
    if options.kind == "sparsity":
        given = {name: getattr(options, name) for name in ("sparsity", "step", "cap")}
        return Sparsity(**{name: value for name, value in given.items() if value is not None})
    if options.kind == "gguf":
        return GGUF() if options.bits is None else GGUF(options.bits)
    bits = {"bits": options.bits, "levels": _choices(options.choices), "group": options.group_size}
    given = {name: value for name, value in bits.items() if value is not None}
    found = Quantization(**given, rule=options.group_rule)
    return Joint(depth, found) if options.kind == "joint" else found


def levels_of(options: Options) -> LevelSettings:
    """Return how levels are made.

    Raises:
        EvollmError: If the method makes levels of another kind.
    """
    making = options.making
    prunes = options.kind == "sparsity"
    method = making.method or ("sparsegpt" if prunes else "gptq")
    found = LevelSettings(method, damping=making.damping, order=making.order, carry=making.carry)
    if options.kind != "depth" and (found.kind == "zeros") != prunes:
        known = "magnitude, wanda or sparsegpt" if prunes else "rtn or gptq"
        raise EvollmError(f"--method of {options.kind} must be {known}, not {method}")
    return found


def schedule_of(options: Options, kind: Kind, blocks: int) -> Schedule:
    """Return how long the search is.

    Args:
        options: The options.
        kind: What is compressed.
        blocks: Number of the model's blocks.

    Raises:
        EvollmError: If the options contradict each other, or one is out of range.
    """
    if options.super_fast and options.schedule not in ("quick", "super-fast"):
        raise EvollmError(f"--super-fast contradicts --schedule {options.schedule}: leave one out")
    found = schedule("super-fast" if options.super_fast else options.schedule, kind, blocks)
    given = {**vars(options.lengths)}
    with in_flags():
        if (stages := given.pop("stages")) is not None:
            given["stages"] = stages_of(stages)
        return changed(found, **given)


@contextmanager
def in_flags() -> Iterator[None]:
    """Name settings in messages that begin with one as the options that they are."""
    try:
        yield
    except EvollmError as error:
        name, _, rest = str(error).partition(" ")
        known = {leaf.path.rpartition(".")[2] for leaf in leaves_of(Options)}
        name = {"levels": "choices", "group": "group_size"}.get(name, name)
        raise EvollmError(f"{flagged(name)} {rest}" if name in known else str(error)) from None


def _choices(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise EvollmError(
            f"--choices must be bits with commas between them, such as 2,3,4,8, not '{text}'"
        ) from None
