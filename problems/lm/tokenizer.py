"""A tokenizer by itself, without the model that it belongs to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from evollm.errors import EvollmError
from evollm.llm.connect import HUGGING_FACE
from evollm.paths import anchored
from problems.lm.extra import quiet, require
from problems.lm.settings import LMSettings
from problems.lm.sources import Source, find

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Tokenized(Protocol):
    """What cuts texts into tokens: a model with its tokenizer, or a tokenizer alone."""

    @property
    def name(self) -> str:
        """As the user named it."""
        ...

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, of transformers."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Tokens:
    """A tokenizer, and what is known about it.

    Attributes:
        tokenizer: The tokenizer, of transformers.
        name: As the user named it; a path is absolute.
        revision: The commit of one from Hugging Face.
        before: Ids of the special tokens that it puts before a text.
        after: And after it.
    """

    tokenizer: PreTrainedTokenizerBase
    name: str
    revision: str | None
    before: tuple[int, ...]
    after: tuple[int, ...]

    def __repr__(self) -> str:
        return f"Tokens({self.name!r})"

    @property
    def fingerprint(self) -> Mapping[str, str | None]:
        """What identifies the tokenizer in a record: name, commit, and SHA-256 of its tokens."""
        known = json.dumps(self.tokenizer.get_vocab(), sort_keys=True).encode()
        hashed = hashlib.sha256(known).hexdigest()
        return {"name": self.name, "revision": self.revision, "sha256": hashed}


def load_tokenizer(name: str | None = None, settings: LMSettings = LMSettings()) -> Tokens:
    """Load a tokenizer without its model; of a model from Hugging Face no weights are fetched.

    Args:
        name: As ``problems.lm.load.load`` takes it; a folder needs no weights; or the path of a
            ``tokenizer.json``.
        settings: Of which the revision and the trust in a model's own code count.

    Raises:
        EvollmError: If a package is missing; there is no such model, folder or file, or it can't be
            fetched; or there is no tokenizer that can be read.
    """
    require("transformers")
    with quiet():
        if name and name.endswith(".json") and not name.startswith(HUGGING_FACE):
            file = anchored(name)
            return _known(Source(str(file), file.parent), _in_file(file))
        source = find(name, settings, weights=False)
        return _known(source, tokenizer_of(source, settings))


def tokenizer_of(source: Source, settings: LMSettings) -> PreTrainedTokenizerBase:
    """Return a model's tokenizer.

    Raises:
        EvollmError: If its files are missing or unreadable.
    """
    from transformers import AutoTokenizer

    alone = source.folder / "tokenizer.json"
    described = [source.folder / name for name in ("config.json", "tokenizer_config.json")]
    if alone.is_file() and not any(file.is_file() for file in described):
        return _in_file(alone)
    try:
        return AutoTokenizer.from_pretrained(
            source.folder, trust_remote_code=settings.trust_remote_code, local_files_only=True
        )
    except (OSError, ValueError, ImportError) as error:
        raise _unreadable(source.name, source.folder, error) from None


def around(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the special tokens that a tokenizer puts before and after a text."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    full = tokenizer("a")["input_ids"]
    start = next(i for i in range(len(full)) if full[i : i + len(bare)] == bare)
    return tuple(full[:start]), tuple(full[start + len(bare) :])


def _known(source: Source, tokenizer: PreTrainedTokenizerBase) -> Tokens:
    before, after = around(tokenizer)
    return Tokens(tokenizer, source.name, source.revision, before, after)


def _in_file(file: Path) -> PreTrainedTokenizerBase:
    """Read a ``tokenizer.json``, which does not say what the special tokens are for.

    Raises:
        EvollmError: If it is missing or damaged.
    """
    from transformers import PreTrainedTokenizerFast

    if not file.is_file():
        raise EvollmError(f"there is no tokenizer file {file}: name one that exists")
    try:
        return PreTrainedTokenizerFast(tokenizer_file=str(file), name_or_path=str(file))
    except Exception as error:  # the reader of these files has no errors of its own
        raise _unreadable(str(file), file.parent, error) from None


def _unreadable(name: str, folder: Path, error: Exception) -> EvollmError:
    return EvollmError(
        f"the tokenizer of {name} can't be read from {folder} "
        f"({' '.join(str(error).split())[:200]}): put its files there, or name another model"
    )
