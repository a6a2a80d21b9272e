"""Wording: the texts of the prompts about programs, as templates with named places."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from string import Template

from evollm.errors import EvollmError

PLACES: Mapping[str, frozenset[str]] = {
    "system": frozenset(),
    "task": frozenset({"task"}),
    "program": frozenset({"score", "metrics", "language", "code"}),
    "feedback": frozenset({"feedback"}),
    "frame": frozenset({"language", "head", "tail"}),
    "example": frozenset({"score", "metrics", "language", "code"}),
    "failure": frozenset({"error", "language", "code"}),
    "diff": frozenset({"language"}),
    "rewrite": frozenset({"language"}),
    "again": frozenset({"reason"}),
}
"""The places of each text, written ``$name``."""


@dataclass(frozen=True)
class Wording:
    """The texts of a prompt; each is a template of ``string.Template``.

    Attributes:
        system: What the model is told first.
        task: Introduces the user's description of the task.
        program: Shows the program to change.
        feedback: Shows what its evaluation said.
        frame: Shows the fixed code around the block.
        example: Shows another program.
        failure: Shows an edit that failed, with its cause.
        diff: Asks for edits.
        rewrite: Asks for a whole block.
        again: Says why an answer could not be used, when the model is asked again.
    """

    system: str
    task: str
    program: str
    feedback: str
    frame: str
    example: str
    failure: str
    diff: str
    rewrite: str
    again: str

    def __post_init__(self) -> None:
        for name in (item.name for item in fields(self)):
            text = getattr(self, name)
            if not isinstance(text, str) or not Template(text).is_valid():
                raise EvollmError(f"the wording '{name}' must be a text in which $$ stands for $")
            if unknown := set(Template(text).get_identifiers()) - PLACES[name]:
                known = ", ".join(f"${place}" for place in sorted(PLACES[name])) or "no places"
                raise EvollmError(
                    f"the wording '{name}' has the unknown place ${min(unknown)}: it may have "
                    f"{known}"
                )

    def write(self, part: str, **words: str) -> str:
        """Return one text with its places filled."""
        return Template(getattr(self, part)).substitute(words).strip()
