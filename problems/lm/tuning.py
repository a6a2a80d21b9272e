"""Training of a model's adapter, with all files that an adapter has."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evollm.tuning.examples import Teacher
from evollm.tuning.settings import TrainSettings

LONGEST = 2000
"""Characters of a teacher that are recorded; one made of earlier runs holds all of its examples."""


class TunedHere:
    """The part of a command of ``evollm tune`` that trains a model in this process."""

    def tune(
        self, teacher: Teacher, options: Any, settings: TrainSettings, folder: Path, report: Any
    ) -> list[Path]:
        """Train, and write the adapter; see ``tuned``."""
        return tuned(teacher, options, settings, folder, report)


def tuned(
    teacher: Teacher, options: Any, settings: TrainSettings, folder: Path, report: Any
) -> list[Path]:
    """Train, and write PEFT's files, the record, and a GGUF file; see ``evollm.cli.tune``.

    Args:
        teacher: What makes the examples.
        options: A dataclass with ``model`` and ``device``, as ``problems.lm.load`` takes them.
        settings: How to train.
        folder: Where the adapter goes; an interrupted training there goes on.
        report: Called with each line of the record.

    Raises:
        EvollmError: If a package is missing, or the model can't be trained.
    """
    from evollm.tuning.adapter import write_gguf
    from evollm.tuning.checkpoint import RECORD, check_folder
    from evollm.tuning.train import train
    from problems.lm import LMSettings, load

    check_folder(folder)
    lm = load(options.model, LMSettings(dtype="float32", device=options.device))
    train(lm.model, lm.tokenizer, teacher, settings, folder, report)
    config = lm.model.config.get_text_config()
    heads = (config.num_attention_heads, config.num_key_value_heads)
    file = write_gguf(folder, folder / "adapter.gguf", *heads)
    record = json.loads((folder / RECORD).read_text("utf-8"))
    record |= {
        "teacher": text if len(text := repr(teacher)) <= LONGEST else f"{text[:LONGEST]} ...",
        "model": dict(lm.fingerprint),
        "options": asdict(options),
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return sorted(folder.glob("adapter*"))
