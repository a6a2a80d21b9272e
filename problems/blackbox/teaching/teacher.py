"""Teacher trajectories: convert recorded searches to examples for fine-tuning.

``python -m problems.blackbox.teaching.teacher RUN ... --out FILE`` writes them. The construction is
ours, since the paper's text was not available to us.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from evollm.checks import at_least
from evollm.cli.options import Aliases, Parser, add, build, given
from evollm.errors import EvollmError
from evollm.runtime.result import Result
from operators.vectors.recombination import partition
from operators.vectors.rows import RowFormat, encode, query_loss, write
from problems.blackbox.context import Context, Rows, check_order, fittest, select
from problems.blackbox.controls import SHORT
from problems.blackbox.teaching.examples import Example, save
from problems.blackbox.teaching.trajectory import (
    Source,
    Target,
    calls,
    generations,
    opened,
    target_of,
)

UNTAUGHT = {"Uniform", "Given"}
"""Operators whose points were not chosen by a search."""


@dataclass(frozen=True, slots=True)
class ExampleSpec:
    """How a generation of a search is converted to examples.

    Attributes:
        form: Format of rows; chat models need the header.
        context: Which rows are shown.
        block: Number of coordinates per prompt.
        target: The expected answer: the ``mean`` around which the next generation was sampled (the
            average of its members if it is not recorded), or its ``best`` point.
        improved: Whether only generations that found a new best become examples.
        hindsight: Whether the query is the best loss of the next generation; otherwise it is the
            same as in a search.
    """

    form: RowFormat = field(default_factory=lambda: RowFormat(header=True))
    context: Context = field(default_factory=Context)
    block: int = 8
    target: Target = "mean"
    improved: bool = False
    hindsight: bool = True

    def __post_init__(self) -> None:
        at_least(1, self, "block")
        check_order(self.form, self.context)


def distil(source: Source, lesson: ExampleSpec | None = None, seed: int = 0) -> list[Example]:
    """Return an example for each block of each generation chosen by the search.

    Args:
        source: A finished search of numbers, by any method.
        lesson: Prompts and answers of the examples.
        seed: Draws the rows of a context at random.

    Raises:
        EvollmError: If there is no record, or its genomes are not points of the unit cube.
    """
    lesson, rng = lesson or ExampleSpec(), np.random.default_rng(seed)
    found: list[Example] = []
    with opened(source) as record:
        steps = generations(record)
        for i, after in enumerate(steps):
            before = steps[:i]
            if _taught(before, after, lesson):
                sections = select(before, lesson.context, lesson.form.resolution, rng)
                found += _asked(sections, after, target_of(record, after, lesson.target), lesson)
    return found


def recorded_answers(source: Source, resolution: int = 1000) -> list[Example]:
    """Return the recorded model calls whose answers are rows that fit their prompts.

    Args:
        source: A search with a model.
        resolution: The largest integer that an answer may hold.

    Raises:
        EvollmError: If there is no record.
    """
    with opened(source) as record:
        asked = calls(record)
    found = [Example(prompt, text.strip()) for prompt, text in asked]
    return [example for example in found if example.fault(resolution) is None]


def export(
    sources: Source | Sequence[Source],
    file: str | Path,
    lesson: ExampleSpec | None = None,
    *,
    answers: bool = False,
) -> int:
    """Write the examples of one search or several to a file; ``load`` reads it.

    Args:
        sources: Results, or run directories.
        file: JSON lines in the format of OpenAI's chats.
        lesson: How generations are converted to examples.
        answers: Whether to use the model's recorded answers instead of the search's next
            generations.

    Returns:
        How many examples.

    Raises:
        EvollmError: If a source can't be read or gives no examples, or the file can't be written.
    """
    lesson = lesson or ExampleSpec()
    found: list[Example] = []
    for source in [sources] if isinstance(sources, Result | str | Path) else sources:
        taught = (
            recorded_answers(source, lesson.form.resolution) if answers else distil(source, lesson)
        )
        if not taught:
            name = source.path or "the result" if isinstance(source, Result) else source
            what = "usable answer of a model" if answers else "generation that a teacher has chosen"
            raise EvollmError(f"{name} contains no {what}")
        found += taught
    return save(found, file)


def _taught(before: Sequence[Rows], after: Rows, lesson: ExampleSpec) -> bool:
    """Return whether a generation was chosen by the search and is to be used."""
    known, new = fittest(list(chain(*before)), 1), fittest(after, 1)
    if not (known and new) or any(one.operator in UNTAUGHT for one in after):
        return False
    return not lesson.improved or new[0].fitness > known[0].fitness


def _asked(
    sections: list[Rows], after: Rows, target: NDArray[np.float64], lesson: ExampleSpec
) -> list[Example]:
    """Write the prompt and the answer of each block."""
    rows = list(chain(*sections))
    fitness, sizes = [row.fitness for row in rows], [len(section) for section in sections]
    form = _hindsight(lesson.form, fitness, after) if lesson.hindsight else lesson.form
    shown = encode(np.array([row.genome for row in rows]), form.resolution)
    wanted = encode(target, form.resolution)
    return [
        Example(
            write(shown[:, block], fitness, sizes, form), ",".join(map(str, wanted[block].tolist()))
        )
        for block in partition(len(target), lesson.block, None)
    ]


def _hindsight(form: RowFormat, fitness: Sequence[float], after: Rows) -> RowFormat:
    """Return the form with the best loss of the next generation as query."""
    if form.delta is None:
        return form
    losses = -np.array(fitness)
    best = float(losses.min())
    unit = best - query_loss(losses, 1.0)
    return replace(form, delta=(best + fittest(after, 1)[0].fitness) / unit)


@dataclass(frozen=True)
class ExportOptions:
    """The examples to export, as options.

    Attributes:
        source: What the search did next (search), or what a model answered (calls).
        query: Whether the query names a loss.
        lesson: Prompts and answers of the examples.
    """

    source: Literal["history", "calls"] = "history"
    query: bool = True
    lesson: ExampleSpec = field(default_factory=lambda: ExampleSpec(context=SHORT.context))

    aliases: ClassVar[Aliases] = {
        **dict.fromkeys(("lesson", "lesson.context", "lesson.form"), ""),
        "lesson.context.generations": "shown",
    }

    @property
    def taught(self) -> ExampleSpec:
        """The lesson, without a loss in the query if that was chosen."""
        form = self.lesson.form
        return self.lesson if self.query else replace(self.lesson, form=replace(form, delta=None))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the examples of run directories to a file; return 0, or 1 after an error."""
    parser = Parser(
        "python -m problems.blackbox.teaching.teacher", description=__doc__.split("\n")[0]
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run directories")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON lines")
    add(parser, ExportOptions, "examples")
    given_options = parser.parse_args(arguments)
    try:
        chosen = build(ExportOptions, given(given_options, ExportOptions))
        made = export(
            given_options.runs, given_options.out, chosen.taught, answers=chosen.source == "calls"
        )
    except EvollmError as error:
        print(f"evollm: {error}", file=sys.stderr)
        return 1
    print(f"{made} examples in {given_options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
