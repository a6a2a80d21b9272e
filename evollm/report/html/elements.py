"""HTML elements, built as a tree so that every text is escaped when it is written."""

import json
import re
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

from evollm.types import JSON

Child: TypeAlias = Element | str | None
"""An element, a text, or nothing."""

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def node(tag: str, *children: Child, **attributes: object) -> Element:
    """Return an element.

    Args:
        tag: Its name.
        children: Its content, in order; None is left out.
        attributes: Its attributes: ``_`` stands for ``-``, at the end of a name for nothing; those
            that are None or False are left out, True is written as an empty text.
    """
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            made.set(name.rstrip("_").replace("_", "-"), "" if value is True else clean(str(value)))
    for child in children:
        put(made, child)
    return made


def put(parent: Element, child: Child) -> None:
    """Append an element or a text."""
    if isinstance(child, Element):
        parent.append(child)
    elif child is not None and len(parent):
        parent[-1].tail = (parent[-1].tail or "") + clean(child)
    elif child is not None:
        parent.text = (parent.text or "") + clean(child)


def clean(text: str) -> str:
    """Return a text in which characters that can't be seen are visible.

    Controls other than tabs and line ends, and halves of surrogate pairs, become U+FFFD; marks that
    change the direction of writing become their code in brackets.
    """
    text = _CONTROLS.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _BIDI.sub(lambda mark: f"[U+{ord(mark[0]):04X}]", text)


def written(element: Element) -> str:
    """Return an element as HTML."""
    return tostring(element, encoding="unicode", method="html")


def data(name: str, value: JSON) -> Element:
    """Return a script element that holds data as JSON, which no text in it can end.

    Args:
        name: The element's id.
        value: The data; their texts must be ``clean``.
    """
    made = Element("script", {"type": "application/json", "id": name})
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    made.text = text
    return made


def source(tag: str, text: str) -> Element:
    """Return a script or style of our own, which is written as it is."""
    made = Element(tag)
    made.text = text
    return made
