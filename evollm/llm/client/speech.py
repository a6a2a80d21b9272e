"""The answer in a message, without reasoning and without the text after a stop string."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_OPENING = re.compile(r"\s*<(think|thinking|thoughts?|reasoning|reflection)>", re.IGNORECASE)
_LONE_CLOSING = re.compile(r"</think(ing)?>\s*", re.IGNORECASE)
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")


@dataclass(frozen=True, slots=True)
class Speech:
    """A model's text, and the position of the answer in it.

    Attributes:
        whole: The whole text including reasoning in tags; None if there is none.
        begin: Index at which the answer begins.
        end: Index at which it ends: before the first stop string.
        thought: Whether the model reasoned before it answered.
        unended: Whether the reasoning never ended.
        stopped: Whether a stop string ended the answer.
        hidden: Number of characters of reasoning that are not in ``whole``.
    """

    whole: str | None
    begin: int = 0
    end: int = 0
    thought: bool = False
    unended: bool = False
    stopped: bool = False
    hidden: int = 0

    @property
    def answer(self) -> str:
        """The answer."""
        return (self.whole or "")[self.begin : self.end]


def hear(message: Mapping[str, Any], stops: Sequence[str]) -> Speech:
    """Read a chat message.

    Args:
        message: The message as sent by a server; its content is a string or a list of parts.
        stops: Strings that end an answer, whether or not the server applied them.
    """
    whole, silent = _joined(message.get("content"))
    silent += sum(len(text) for name in _THOUGHTS if isinstance(text := message.get(name), str))
    if whole is None:
        return Speech(None, thought=silent > 0, hidden=silent)
    begin, unended = _past_thoughts(whole)
    thought = begin > 0 or unended or silent > 0
    end, stopped = _ending(whole, begin, stops)
    return Speech(whole, begin, end, thought, unended, stopped, silent)


def read_on(text: object, stops: Sequence[str]) -> Speech:
    """Read the continuation of a plain text."""
    if not isinstance(text, str):
        return Speech(None)
    end, stopped = _ending(text, 0, stops)
    return Speech(text, 0, end, stopped=stopped)


def _joined(content: object) -> tuple[str | None, int]:
    """Return the text of a content, and the number of characters in its reasoning parts."""
    if isinstance(content, str):
        return content, 0
    if not isinstance(content, list):
        return None, 0
    texts, silent = [], 0
    for part in content:
        kind = str(part.get("type", "text")) if isinstance(part, Mapping) else "text"
        text = part.get("text") if isinstance(part, Mapping) else part
        if kind in ("text", "output_text") and isinstance(text, str):
            texts.append(text)
        elif "think" in kind or "reason" in kind:
            silent += len(str(part))
    return ("".join(texts) if texts else None), silent


def _past_thoughts(whole: str) -> tuple[int, bool]:
    """Return where the answer begins after reasoning in tags, and whether that never ends."""
    begin = 0
    while opening := _OPENING.match(whole, begin):
        closing = re.compile(rf"</{opening[1]}>\s*", re.IGNORECASE).search(whole, opening.end())
        if closing is None:
            return len(whole), True
        begin = closing.end()
    # If the chat template wrote the opening tag, the model sends only the closing one.
    if not begin and (lone := _LONE_CLOSING.search(whole)):
        begin = lone.end()
    return begin, False


def _ending(whole: str, begin: int, stops: Sequence[str]) -> tuple[int, bool]:
    places = [place for stop in stops if stop and (place := whole.find(stop, begin)) >= 0]
    return min(places, default=len(whole)), bool(places)
