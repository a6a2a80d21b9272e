"""Reports as data: sections of facts, tables and curves, rendered as text or as HTML."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns.

    Attributes:
        columns: Names of the columns.
        rows: The rows, with one cell per column; None is written as a dash.
        title: Title of the table; may be empty.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""

    def text(self) -> str:
        """Return the table with aligned columns, numbers on the right."""
        cells = [list(self.columns), *self.cells()]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(row, widths, self.numeric(), strict=True)
            ).rstrip()
            for row in cells
        ]
        return "\n".join([self.title, *lines] if self.title else lines)

    def cells(self) -> list[list[str]]:
        """Return the rows as text."""
        return [[written_cell(cell) for cell in row] for row in self.rows]

    def numeric(self) -> list[bool]:
        """Return whether each column has numbers only."""
        return [_numeric(row[i] for row in self.rows) for i in range(len(self.columns))]

    def html(self) -> str:
        """Return the table as HTML with escaped content."""
        from evollm.report.html import blocks, elements

        return elements.written(blocks.table(self))


@dataclass(frozen=True, slots=True)
class Curve:
    """Lines over one axis, for a plot.

    Attributes:
        title: Title of the plot.
        x: Name of the horizontal axis.
        y: Name of the vertical axis, with the unit if there is one.
        lines: Points ``(x, y)`` by the line's name.
        dots: Points that are not joined by a line, by name.
        step: Whether a value holds until the next point, as a best value so far does.
        ends: Ends of the vertical axis; None for those of the values.
        note: What the reader must know of the numbers; may be empty.
        singles: Thin lines, such as those of the seeds whose median a line is, by its name.
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    dots: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    step: bool = False
    ends: tuple[float, float] | None = None
    note: str = ""
    singles: Mapping[str, Sequence[Sequence[tuple[float, float]]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bars:
    """A distribution, for a plot.

    Attributes:
        title: Title of the plot.
        x: Name of the horizontal axis, with the unit if there is one.
        y: Name of the vertical axis.
        bars: Lower end, upper end and height of each bar, from left to right.
        log: Whether the horizontal axis is logarithmic.
        note: What the reader must know of the numbers; may be empty.
    """

    title: str
    x: str
    y: str
    bars: Sequence[tuple[float, float, float]]
    log: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt and the model's answer.

    Attributes:
        prompt: The prompt as text.
        answer: The answer; empty if there was none.
        error: Why it was unusable; empty if it was not.
        facts: Model, tokens, duration and cost as text.
    """

    prompt: str
    answer: str
    error: str
    facts: str


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A candidate of a lineage.

    Attributes:
        candidate: Its id.
        parents: Ids of its parents, the fittest first.
        step: The step in which it was made.
        operator: The operator that made it.
        value: Its value in the user's units, or that it was not evaluated.
        better: Whether it is better than all its parents.
        genome: Its genome as text.
        error: Why its evaluation failed; empty if it did not.
        asked: The model's answers that it was made from.
        note: What is not shown here; may be empty.
    """

    candidate: int
    parents: Sequence[int]
    step: int
    operator: str
    value: str
    better: bool
    genome: str
    error: str = ""
    asked: Sequence[Asked] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """How a candidate came about: it and its ancestors.

    Attributes:
        root: Id of the candidate.
        ancestors: It and its ancestors by id.
        name: Name of the value.
        note: What is not shown here; may be empty.
    """

    root: int
    ancestors: Mapping[int, Ancestor]
    name: str
    note: str = ""

    @property
    def line(self) -> Sequence[Ancestor]:
        """The candidate, its fittest parent, that one's fittest parent, and so on."""
        found = [self.ancestors[self.root]]
        while known := [one for one in found[-1].parents[:1] if one in self.ancestors]:
            found.append(self.ancestors[known[0]])
        return found


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report.

    Attributes:
        title: Its heading.
        facts: Short values by name.
        text: Longer preformatted text, such as a tree or a prompt.
        tables: Its tables.
        curves: Its curves and distributions, for a page.
        lineage: How its candidate came about, for a page.
    """

    title: str
    facts: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    tables: Sequence[Table] = ()
    curves: Sequence[Curve | Bars] = ()
    lineage: Lineage | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """The result of a run as data; a notebook shows it as HTML, a console as text.

    Attributes:
        title: Title of the report.
        sections: In order.
    """

    title: str
    sections: Sequence[Section]

    def text(self) -> str:
        """Return the report for a terminal, without curves and lineages."""
        return "\n\n".join(filter(None, (_text(section) for section in self.sections)))

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        """Return the report for a notebook, with its curves as small pictures."""
        from evollm.report.html import blocks, elements

        title = elements.node("h3", self.title)
        parts = [title, *(one for section in self.sections for one in blocks.section(section))]
        return "".join(map(elements.written, parts))


def _text(section: Section) -> str:
    width = max((len(name) for name in section.facts), default=0)
    facts = "\n".join(f"{name:<{width}}  {said}" for name, said in section.facts.items())
    parts = [facts, section.text, *(table.text() for table in section.tables)]
    body = "\n\n".join(part for part in parts if part)
    if not body:
        return ""
    return f"{section.title}\n{'-' * len(section.title)}\n{body}" if section.title else body


def written_cell(value: object) -> str:
    """Return a cell of a table as text."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _numeric(cells: Iterable[object]) -> bool:
    return all(cell is None or isinstance(cell, int | float) for cell in cells)
