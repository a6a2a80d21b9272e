"""Which task: the options of ``evollm run prompts`` that name one, and the task itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from evollm.checks import at_least, nearest
from evollm.cli.options import option
from evollm.errors import EvollmError
from problems.prompts.data import builtin
from problems.prompts.data.files import Columns, own_task, read_splits
from problems.prompts.data.labels import Labels, label_words
from problems.prompts.data.publishers import PUBLISHERS, load_folder
from problems.prompts.data.sources.records import read_text
from problems.prompts.data.splits import Sizes
from problems.prompts.data.task import Task
from problems.prompts.data.template import MASK

_OPEN = f"{{{MASK}}}"


@dataclass(frozen=True)
class TaskOptions:
    r"""What the prompt is for, the examples, and the unpruned prompt.

    Attributes:
        task: A built-in task (rt2, tweet3, imdb2-long, rt-pair, add1), or with --folder a
            publisher's data set (sst-2, subj, agnews, snli, yelp-5, piqa, gsm8k); with --data, the
            task whose question and label words are used; none for rt2, or with --data for a task
            of your own.
        folder: Folder of the data set's files, named as its publisher names them.
        data: Your own examples: a file .jsonl, .csv or .tsv.
        test: A second file of examples, for the test alone.
        text: Column of the text, or for several slots SLOT=COLUMN,SLOT=COLUMN; none to find it by
            its name.
        label: Column of the labels or answers; none to find it by its name.
        worked: Column of what a demonstration shows in place of the answer.
        separator: What separates cells; none for a comma in .csv and a tab in .tsv.
        kind: How answers to your own task are scored.
        template: A file with the whole unpruned prompt, demonstrations included, slots in braces
            as in {sentence_1}; none to draw demonstrations.
        block: The question with its slots, up to where the answer begins, a new line as \n:
            'Review: {sentence_1}\nSentiment:'.
        words: The word for each label in the order of the labels, as terrible,great, or each with
            how the file writes the label, as neg=terrible,pos=great.
        shots: Demonstrations per label, where they are drawn.
        demonstrations: Seed of their draw.
        split: Seed of the splits.
        sizes: How many examples per label there are in each split, at most.
    """

    task: str | None = option(None, metavar="NAME")
    folder: str | None = option(None, metavar="DIR")
    data: str | None = option(None, metavar="FILE")
    test: str | None = option(None, metavar="FILE")
    text: str | None = option(None, metavar="COLUMN")
    label: str | None = option(None, metavar="COLUMN")
    worked: str | None = option(None, metavar="COLUMN")
    separator: str | None = option(None, metavar="CHARACTER")
    kind: Literal["classification", "choice", "reasoning"] = "classification"
    template: str | None = option(None, metavar="FILE")
    block: str | None = None
    words: str | None = option(None, metavar="WORD,WORD")
    shots: int = 1
    demonstrations: int = option(0, metavar="SEED")
    split: int = option(0, metavar="SEED")
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        at_least(0, self, "shots", "demonstrations", "split")


def task_of(options: TaskOptions) -> Task:
    """Return the task with its examples.

    Raises:
        EvollmError: If there is none, options don't go together, or the examples are unusable.
    """
    _check(options)
    labels = label_words(options.words) if options.words else None
    if options.data is None:
        return _changed(_named(options), options, labels)
    base = _named(options) if options.task else _own(options, labels)
    task = _changed(base, options, labels)
    splits = read_splits(
        options.data,
        task,
        options.test,
        columns=_columns(options, task),
        labels=labels,
        sizes=options.sizes,
        seed=options.split,
    )
    return task.with_splits(splits)


def prompt_of(options: TaskOptions, task: Task) -> str | None:
    """Return the unpruned prompt if a file holds it; None if its demonstrations are to be drawn.

    Raises:
        EvollmError: If its slots are not the task's, or there are too few demonstrations.
    """
    if options.template is None:
        task.prompt(options.shots, options.demonstrations)
        return None
    text = _template(options)
    return task.template(text, masked=_OPEN in text).text


def _check(options: TaskOptions) -> None:
    """Refuse options that do not go together."""
    if options.folder is not None and options.data is not None:
        raise EvollmError(
            "--folder is for a publisher's data set, and --data for your own: give one"
        )
    if options.folder is not None and options.task is None:
        raise EvollmError(
            f"say which data set is in --folder {options.folder}: --task {', '.join(PUBLISHERS)}"
        )
    own = ("test", "text", "label", "worked", "separator")
    for name in own if options.data is None else ():
        if getattr(options, name) is not None:
            raise EvollmError(f"--{name} is for examples of your own: give --data FILE, too")
    if options.kind != "classification" and (options.data is None or options.task):
        raise EvollmError("--kind is for a task of your own: give --data FILE without --task")
    if options.template is not None and (options.shots, options.demonstrations) != (1, 0):
        raise EvollmError(
            "--shots and --demonstrations draw a prompt, and --template has one: leave them out"
        )


def _named(options: TaskOptions) -> Task:
    """Return a built-in task, or a publisher's, with its examples."""
    name = options.task or "rt2"
    if options.folder is not None:
        return load_folder(name, options.folder, options.sizes, seed=options.split)
    if name in PUBLISHERS:
        if options.data is not None:
            return PUBLISHERS[name].task
        raise EvollmError(f"the examples of {name} are read from its files: give --folder DIR")
    if name not in builtin.BUILTIN:
        known = [*builtin.BUILTIN, *PUBLISHERS]
        raise EvollmError(
            f"there is no task '{name}'{nearest(name, known)}; or give your own --data FILE"
        )
    if options.data is not None:
        return builtin.BUILTIN[name]
    return builtin.load(name, _sizes(name, options.sizes), options.split)


def _sizes(name: str, given: Sizes) -> Sizes:
    """Return a task's own sizes but for those that the user changed."""
    changed = {
        item.name: value
        for item in fields(Sizes)
        if (value := getattr(given, item.name)) != item.default
    }
    return replace(builtin.sizes_of(name), **changed)


def _own(options: TaskOptions, labels: Labels | None) -> Task:
    """Return a custom task, without examples."""
    assert options.data is not None
    labelled = options.kind != "reasoning"
    if labelled and labels is None:
        raise EvollmError(
            "say which word stands for each label: --words WORD,WORD, or --words LABEL=WORD,..."
        )
    if options.block is None and options.template is None:
        raise EvollmError(
            "say what to ask: --block with the question and its slot, or --template FILE with a "
            "whole prompt"
        )
    text = _block(options.block) if options.block is not None else _template(options)
    block, mask, closing = text.partition(_OPEN)
    words = labels.words if labels else ()
    block = block.rstrip(" ") if mask else block
    return replace(own_task(Path(options.data).stem, block, words, options.kind), closing=closing)


def _changed(task: Task, options: TaskOptions, labels: Labels | None) -> Task:
    """Return a task with the user's label words and question."""
    if labels is not None and not task.labelled:
        raise EvollmError(f"the task {task.name} has no labels: leave --words out")
    if labels is not None:
        task = replace(task, labels=labels.words)
    if options.block is not None and options.task is not None:
        task = replace(task, block=_block(options.block))
    return task


def _columns(options: TaskOptions, task: Task) -> Columns:
    return Columns(_texts(options, task), options.label, options.worked, options.separator)


def _texts(options: TaskOptions, task: Task) -> Mapping[str, str]:
    """Return the column for each slot that the user names."""
    if options.text is None:
        return {}
    if "=" not in options.text and len(task.slots) == 1:
        return {task.slots[0]: options.text}
    pairs = [part.partition("=") for part in options.text.split(",")]
    found = {slot.strip(): column.strip() for slot, _, column in pairs}
    for slot, column in found.items():
        if slot not in task.slots or not column:
            raise EvollmError(
                f"--text names a column for each of {', '.join(task.slots)}, as "
                f"{task.slots[0]}=COLUMN, not {options.text!r}"
            )
    return found


def _block(text: str) -> str:
    return text.replace("\\n", "\n")


def _template(options: TaskOptions) -> str:
    assert options.template is not None
    return read_text(options.template).rstrip("\r\n")
