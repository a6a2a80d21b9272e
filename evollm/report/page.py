"""Reports as data: sections of facts, tables and curves, rendered as text or as HTML."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape


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
        numeric = self.numeric()
        lines = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(row, widths, numeric, strict=True)
            ).rstrip()
            for row in cells
        ]
        return "\n".join([self.title, *lines] if self.title else lines)

    def cells(self) -> list[list[str]]:
        """Return the rows as text."""
        return [[_cell(cell) for cell in row] for row in self.rows]

    def numeric(self) -> list[bool]:
        """Return for each column whether it contains nothing but numbers."""
        return [_numeric(row[i] for row in self.rows) for i in range(len(self.columns))]

    def html(self) -> str:
        """Return the table as HTML with escaped content."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_cell(cell))}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        title = f"<caption>{escape(self.title)}</caption>" if self.title else ""
        return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@dataclass(frozen=True, slots=True)
class Curve:
    """Lines over one axis, for a plot.

    Attributes:
        title: Title of the plot.
        x: Name of the horizontal axis.
        y: Name of the vertical axis.
        lines: Points ``(x, y)`` by the line's name.
        singles: Thin lines, such as those of the seeds whose median a line is, by its name.
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    singles: Mapping[str, Sequence[Sequence[tuple[float, float]]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report.

    Attributes:
        title: Its heading.
        facts: Short values by name.
        text: Longer preformatted text, such as a tree or a prompt.
        tables: Its tables.
        curves: Its curves.
    """

    title: str
    facts: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    tables: Sequence[Table] = ()
    curves: Sequence[Curve] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a run as data; a notebook shows it as HTML.

    Attributes:
        title: Title of the report.
        sections: In order.
    """

    title: str
    sections: Sequence[Section]

    def text(self) -> str:
        """Return the report for a terminal, without curves."""
        return "\n\n".join(filter(None, (_text(section) for section in self.sections)))

    def _repr_html_(self) -> str:
        """Return the report for a notebook, without curves."""
        body = "".join(_html(section) for section in self.sections)
        return f"<h3>{escape(self.title)}</h3>{body}"


def _text(section: Section) -> str:
    width = max((len(name) for name in section.facts), default=0)
    facts = "\n".join(f"{name:<{width}}  {said}" for name, said in section.facts.items())
    parts = [facts, section.text, *(table.text() for table in section.tables)]
    body = "\n\n".join(part for part in parts if part)
    if not body:
        return ""
    return f"{section.title}\n{'-' * len(section.title)}\n{body}" if section.title else body


def _html(section: Section) -> str:
    title = f"<h4>{escape(section.title)}</h4>" if section.title else ""
    facts = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(said)}</td></tr>"
        for name, said in section.facts.items()
    )
    facts = f"<table>{facts}</table>" if facts else ""
    text = f"<pre>{escape(section.text)}</pre>" if section.text else ""
    return title + facts + text + "".join(table.html() for table in section.tables)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _numeric(cells: Iterable[object]) -> bool:
    return all(cell is None or isinstance(cell, int | float) for cell in cells)
