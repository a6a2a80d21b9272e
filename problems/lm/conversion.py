"""A GGUF file as a folder of safetensors, made once in the cache folder.

The folder needs no ``gguf`` any more, loads a hundred times faster, and its tensors can be read one
by one. Weights of files up to a gigabyte are stored in float32, which holds them exactly, and those
of larger ones in float16.
"""

import json
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError
from evollm.llm.files import cache_folder, digest, write
from evollm.llm.locks import locked
from evollm.llm.offline import weights
from problems.lm.extra import quiet, require

log = logging.getLogger("evollm")

VERSION = 1
"""Of what is written: a newer one is made anew."""
LARGE = 10**9
"""Files of more bytes are stored in float16."""


def offline() -> Path:
    """Return the folder of the offline model, fetched and converted if it is missing or damaged.

    Raises:
        EvollmError: If a package is missing, or the weights can't be fetched or written.
    """
    target = _home(weights.OFFLINE.title)
    with locked(target.with_suffix(".lock")):
        if not _sound(target):
            require("accelerate", "gguf", "torch", "transformers")
            _convert(weights.fetch(weights.OFFLINE, served=False), target)
    return target


def converted(file: Path) -> Path:
    """Return the folder of a GGUF file, converted unless that was done before.

    Raises:
        EvollmError: If a package is missing, the file is not a model that transformers can read,
            or the disk is full.
    """
    target = _home(f"{file.stem}-{digest(file)[:16]}")
    with locked(target.with_suffix(".lock")):
        if not _sound(target):
            require("accelerate", "gguf", "torch", "transformers")
            _convert(file, target)
    return target


def _home(name: str) -> Path:
    return cache_folder("torch") / f"{name}.v{VERSION}"


def _sound(folder: Path) -> bool:
    """Return whether a folder holds exactly what was written."""
    try:
        return bool(json.loads(_note(folder).read_text()) == _digests(folder))
    except (OSError, ValueError):
        return False


def _note(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.sha256")


def _digests(folder: Path) -> dict[str, str]:
    return {file.name: digest(file) for file in sorted(folder.iterdir())}


def _convert(file: Path, target: Path) -> None:
    """Convert beside ``target``, then move the result there."""
    log.info("converting %s for torch (once)", file.name)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".convert-") as draft:
            ready = Path(draft) / "ready"
            _save(file, ready)
            shutil.rmtree(target, ignore_errors=True)
            ready.rename(target)
            write(_note(target), json.dumps(_digests(target)))
    except OSError as error:
        raise EvollmError(
            f"{file.name} can't be converted in {target.parent} ({error.strerror or error}): "
            "free some space, or name another cache folder in EVOLLM_CACHE"
        ) from None


def _save(file: Path, folder: Path) -> None:
    """Write a GGUF file's model and tokenizer as transformers writes its own."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = torch.float16 if file.stat().st_size > LARGE else torch.float32
    with quiet():
        try:
            read = AutoModelForCausalLM.from_pretrained(
                file.parent, gguf_file=file.name, dtype=dtype
            )
            tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        except Exception as error:  # a damaged file may break any step of the reader
            if isinstance(error, MemoryError) or getattr(error, "errno", None):
                raise
            raise EvollmError(
                f"{file} can't be read as a model ({' '.join(str(error).split())[:200]}): name a "
                "GGUF file of an architecture that transformers knows"
            ) from None
        _plain(read).save_pretrained(folder)
        _exact(tokenizer, file).save_pretrained(folder)


def _plain(read: Any) -> Any:
    """Return a model without the mark of its file's quantisation, with which none can be saved."""
    import torch

    config = read.config
    del config.quantization_config
    with torch.device("meta"):
        plain = type(read)(config)
    plain.load_state_dict(read.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = read.generation_config
    return plain


def _exact(tokenizer: Any, file: Path) -> Any:
    """Split numbers as SmolLM2 does, which transformers does not read from a GGUF file."""
    from gguf import GGUFReader
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    field = GGUFReader(file).get_field("tokenizer.ggml.pre")
    if field is not None and field.contents() == "smollm":
        tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
            [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
        )
    return tokenizer
