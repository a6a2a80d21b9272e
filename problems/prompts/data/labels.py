"""Label words, and how files write the labels that they stand for."""

from collections.abc import Sequence
from dataclasses import dataclass

from evollm.checks import nearest
from evollm.errors import EvollmError


@dataclass(frozen=True)
class Labels:
    """The labels of a task in their order.

    Attributes:
        words: The word that a model answers with, for each label.
        marks: How a file writes each label; empty if it writes the words, or 0, 1 and so on.
    """

    words: tuple[str, ...]
    marks: tuple[str, ...] = ()

    def index(self, label: object, where: str = "") -> int:
        """Return the index of a label.

        Args:
            label: Its mark, its word in any case, or its number.
            where: Where it was found, for messages.

        Raises:
            EvollmError: If it is unknown.
        """
        mark = _mark(label)
        names: Sequence[str] = self.marks or self.words
        for known in (names, [name.casefold() for name in names]):
            if mark in known:
                return list(known).index(mark)
            mark = mark.casefold()
        if not self.marks and mark in map(str, range(len(self.words))):
            return int(mark)
        numbers = "" if self.marks else f", or 0 to {len(self.words) - 1}"
        raise EvollmError(
            f"{where or 'an example'} has the unknown label {str(label)!r}"
            f"{nearest(str(label), names)}{numbers}"
        )


def label_words(text: str) -> Labels:
    """Return labels from how a user writes them in an option.

    Args:
        text: The words in label order, as in ``terrible,great``; or each with how the file
            writes its label, as in ``neg=terrible,pos=great``.

    Raises:
        EvollmError: If there are fewer than two, or only some have an equals sign.
    """
    items = [item.strip() for item in text.split(",")]
    pairs = [item.partition("=") for item in items]
    marked = [mark.strip() for mark, sign, _ in pairs if sign]
    words = tuple((word if sign else mark).strip() for mark, sign, word in pairs)
    if len(items) < 2 or len(marked) not in (0, len(items)) or not all((*words, *marked)):
        raise EvollmError(
            "label words are written as terrible,great or as neg=terrible,pos=great, two at "
            f"least, not {text!r}"
        )
    if len(set(marked)) < len(marked):
        raise EvollmError(f"{text!r} names a label twice: give each label once")
    if len(set(words)) < len(words):
        raise EvollmError(f"{text!r} has one word for two labels: give each a word of its own")
    return Labels(words, tuple(marked))


def _mark(label: object) -> str:
    """Write a label as a file would: 1 for 1.0 and True."""
    if isinstance(label, bool) or (isinstance(label, float) and label.is_integer()):
        return str(int(label))
    return str(label).strip()
