"""A pruned prompt as a file: all that is needed to use it again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError
from evollm.paths import anchored
from evollm.types import JSON
from problems.prompts.data.task import Task
from problems.prompts.data.template import MASK
from problems.prompts.readers.judging import answer_place
from problems.prompts.readers.reader import Reader, Scores, Text
from problems.prompts.tokens import Mode, Prompt

FORMAT = "evollm pruned prompt 1"


@dataclass(frozen=True)
class PrunedPrompt:
    """A pruned prompt with all that is needed to use it again.

    Attributes:
        text: The prompt with its slots open.
        ids: The tokens that stay, those of the slots included.
        token_slots: For each of these tokens the slot that it belongs to, or None.
        mode: How it was given to the model.
        model: The model's name.
        tokenizer: The name of the tokenizer that the ids are of.
        fingerprint: What identifies the model: name, commit, SHA-256.
        task: The task's name.
        kind: What kind of task.
        labels: The label words in their order; empty if there are none.
        block: The question with its slots, up to the answer field.
        slots: The slots that an example fills.
        joint: What stands between the answer field and the answer.
        closing: What ends an answer in a demonstration.
        unpruned: The unpruned prompt.
    """

    text: str
    ids: tuple[int, ...]
    token_slots: tuple[str | None, ...]
    mode: Mode
    model: str
    tokenizer: str
    fingerprint: Mapping[str, JSON]
    task: str
    kind: str
    labels: tuple[str, ...]
    block: str
    slots: tuple[str, ...]
    joint: str
    closing: str
    unpruned: str

    def save(self, path: str | Path) -> Path:
        """Write it as JSON; return the file.

        Raises:
            EvollmError: If the file can't be written.
        """
        return write_json({"format": FORMAT, **self.as_json()}, path)

    @classmethod
    def load(cls, path: str | Path) -> "PrunedPrompt":
        """Read what ``save`` wrote.

        Raises:
            EvollmError: If there is no such file, or it holds something else.
        """
        return cls.from_json(read_json(path, {FORMAT: "pruned prompt"}), str(anchored(path)))

    def as_json(self) -> dict[str, JSON]:
        """Return the fields by name, as a file keeps them."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, JSON], where: str) -> "PrunedPrompt":
        """Return the prompt whose fields ``as_json`` gave.

        Args:
            kept: The fields, and others that don't matter.
            where: Where they were read, for messages.

        Raises:
            EvollmError: If one is missing.
        """
        names = [item.name for item in fields(cls)]
        if lacking := [name for name in names if name not in kept]:
            raise EvollmError(f"{where} lacks {', '.join(lacking)}: write it again with save()")
        lists = {name: tuple(kept[name]) for name in ("ids", "token_slots", "labels", "slots")}
        return cls(**{name: kept[name] for name in names} | lists)

    def as_task(self) -> Task:
        """Return the task without its examples."""
        kind: Any = self.kind
        return Task(self.task, kind, self.labels, self.block, self.slots, self.joint, self.closing)

    def made_for_another(self, reader: Reader) -> str:
        """Return a warning where a reader is not the model that the prompt was pruned for.

        The same files under another name are the same model.

        Args:
            reader: Who is to read it.

        Returns:
            The warning, which names both; empty if there is no difference.
        """
        kept, known = dict(self.fingerprint), dict(reader.fingerprint)
        if kept == known or (kept.get("sha256") and kept.get("sha256") == known.get("sha256")):
            return ""
        names = [f"{one.get('name')} ({_short(one)})" for one in (kept, known)]
        return (
            f"the prompt was pruned for {names[0]} and is read by {names[1]}: its scores are "
            "those of the first"
        )

    def filled(self, reader: Reader, examples: Sequence[Mapping[str, str]]) -> list[Text]:
        """Return the prompt with each example in its slots, as the model is given it.

        Args:
            reader: Who will read it.
            examples: Text by slot.
        """
        task, masked = self.as_task(), reader.masked
        given = [{**one, MASK: reader.tokenizer.mask} if masked else one for one in examples]
        if self.mode != "ids":
            template = task.template(self.text, masked=masked)
            return [template.fill(one) for one in given]
        whole = task.template(self.unpruned, masked=masked)
        texts = ("",) * len(self.ids)
        prompt = Prompt(whole, self.ids, self.token_slots, reader.tokenizer, texts)
        return [prompt.filled_ids(prompt.whole, one) for one in given]

    def scores(self, reader: Reader, examples: Sequence[Mapping[str, str]]) -> Scores:
        """Return how likely each label word is for each example.

        Raises:
            EvollmError: If the reader's tokenizer has no token of its own for a label word.
        """
        whole = self.as_task().template(self.unpruned, masked=reader.masked)
        return reader.scores(self.filled(reader, examples), self.labels, answer_place(whole))


def _short(fingerprint: Mapping[str, JSON]) -> str:
    """Return what tells two models of one name apart: a commit or a digest, shortened."""
    found = fingerprint.get("revision") or fingerprint.get("sha256") or "no digest known"
    return str(found)[:15]


def write_json(kept: Mapping[str, JSON], path: str | Path) -> Path:
    """Write a file of fields; return it.

    Raises:
        EvollmError: If the file can't be written.
    """
    file = anchored(path)
    try:
        file.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise EvollmError(f"{file} can't be written: {error.strerror}") from None
    return file


def read_json(path: str | Path, formats: Mapping[str, str]) -> dict[str, JSON]:
    """Return the fields in a file that ``write_json`` wrote.

    Args:
        path: The file.
        formats: What the file's ``format`` may be, and how that is called in messages.

    Raises:
        EvollmError: If there is no such file, or it holds something else.
    """
    file = anchored(path)
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise EvollmError(f"{file} can't be read: {error.strerror}") from None
    except ValueError:
        kept = None
    if not isinstance(kept, dict) or kept.get("format") not in formats:
        names = " or ".join(formats.values())
        raise EvollmError(f"{file} is not a {names}: give a file that save() wrote")
    return kept
