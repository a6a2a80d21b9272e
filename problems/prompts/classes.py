"""What a classifier is given: texts for the slots, labels of any kind, and their words."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError


def plain(label: Any) -> Hashable:
    """Return a label as Python's own kind of number or text, where it is one of numpy's.

    Raises:
        EvollmError: If it can't be a key.
    """
    found = label.item() if isinstance(label, np.generic) else label
    if not isinstance(found, Hashable):
        raise EvollmError(f"the label {label!r} can't be told from others: use texts or numbers")
    return found


def classes_of(labels: Sequence[Hashable]) -> list[Hashable]:
    """Return each label once, sorted where they can be, else as they first occur.

    Raises:
        EvollmError: If there are none, or one only.
    """
    found = list(dict.fromkeys(labels))
    if len(found) == 1:
        raise EvollmError(
            f"all {len(labels)} texts have the label {found[0]!r}: give texts of another label, too"
        )
    if not found:
        raise EvollmError("there are no labelled texts: give some of each label")
    try:
        return sorted(found)  # type: ignore[type-var]
    except TypeError:
        return found


def words_of(classes: Sequence[Hashable], words: Mapping[Any, str] | None) -> tuple[str, ...]:
    """Return the label word of each class.

    Args:
        classes: The labels.
        words: The word for each; None for the labels' own texts.

    Raises:
        EvollmError: If a label has no word, or a word no text.
    """
    if words is None:
        return tuple(str(label) for label in classes)
    known = {plain(label): word for label, word in words.items()}
    for label in classes:
        if label not in known:
            raise EvollmError(
                f"words has no word for the label {label!r}, only for "
                f"{', '.join(map(repr, known))}: give one for each label"
            )
    for label in known:
        if label not in classes:
            raise EvollmError(
                f"words has a word for the label {label!r}, which no text has: leave it out, or "
                "give texts"
            )
    return tuple(known[label] for label in classes)


def array_of(classes: Sequence[Hashable]) -> NDArray[Any]:
    """Return labels as an array: of texts, of numbers, or of objects where they are mixed.

    Shape ``(labels,)``.
    """
    for kind in (str, bool, int, float):
        if all(type(label) is kind for label in classes):
            return np.array(classes)
    found = np.empty(len(classes), dtype=object)
    for place, label in enumerate(classes):
        found[place] = label
    return found


def fields_of(texts: Iterable[Any], slots: Sequence[str]) -> list[dict[str, str]]:
    """Return the texts for a prompt's slots.

    Args:
        texts: A text each, or several by slot.
        slots: The slots.

    Raises:
        EvollmError: If it is one text, or one of them is something else or lacks a slot.
    """
    if isinstance(texts, str | Mapping):
        raise EvollmError("give a list of texts, and not one text: put it in brackets")
    return [_fields(text, slots) for text in texts]


def _fields(text: Any, slots: Sequence[str]) -> dict[str, str]:
    found = {slots[0]: text} if len(slots) == 1 and isinstance(text, str) else text
    if not isinstance(found, Mapping) or any(not isinstance(found.get(s), str) for s in slots):
        wanted = "a text" if len(slots) == 1 else f"a text by name for each of {', '.join(slots)}"
        raise EvollmError(f"an example must be {wanted}, not {str(text)[:40]!r}")
    return {slot: str(found[slot]) for slot in slots}
