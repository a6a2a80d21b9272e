"""EvoPress on a tiny random llama, with text of its own."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from problems.compression.kinds import Depth, Joint, Kind, Quantization, Sparsity
from problems.compression.schedules import Schedule
from problems.compression.system import EvoPress
from problems.compression.texts import TextSettings
from tests.problems.lm.support_tiny import TEXT, folder

SMALL = Schedule(4, 4, ((24, 2), (48, 1)), starts=3, start_tokens=24, pool=192, window=24)
KINDS: dict[str, Kind] = {
    "depth": Depth(0.5),
    "whole": Depth(0.5, whole_blocks=True),
    "sparsity": Sparsity(0.6),
    "quantization": Quantization(3, group=16),
    "fraction": Quantization(2.5, group=16, rule="none"),
    "joint": Joint(Depth(0.25), Quantization(3, group=16)),
}


@dataclass(frozen=True)
class Made:
    """A model and texts in a folder.

    Attributes:
        folder: Which holds ``llama``, ``search.txt`` and ``measure.txt``.
    """

    folder: Path

    @property
    def model(self) -> str:
        return str(self.folder / "llama")

    @property
    def text(self) -> TextSettings:
        """Text of two files."""
        return TextSettings(
            str(self.folder / "search.txt"),
            str(self.folder / "measure.txt"),
            held_out_tokens=96,
            calibration=96,
        )

    def system(self, kind: str = "depth", **more: Any) -> EvoPress:
        """Return a short search."""
        given = {"schedule": SMALL, "check": False, "text": self.text, **more}
        return EvoPress(self.model, KINDS[kind], database=str(self.folder / kind), **given)

    def options(self, *more: object) -> list[str]:
        """Return the options of the command for the same search."""
        text = ["--text", str(self.folder / "search.txt"), "--held-out-tokens", "96"]
        text += ["--held-out", str(self.folder / "measure.txt"), "--calibration", "96"]
        long = ["--stages", "2@24,1@48", "--offspring", "4", "--starts", "3", "--pool", "192"]
        long += ["--start-tokens", "24", "--window", "24", "--generations", "4", "--no-check"]
        return ["--model", self.model, *text, *long, *map(str, more)]


def make(path: Path, blocks: int = 4) -> Made:
    """Write a model whose weights are large enough for its blocks to matter, and texts."""
    folder(path / "llama", "llama", True, num_hidden_layers=blocks, initializer_range=0.2)
    for seed, name in enumerate(("search", "measure")):
        (path / f"{name}.txt").write_text("\n\n".join(_paragraphs(seed)))
    return Made(path)


@lru_cache
def _paragraphs(seed: int) -> list[str]:
    words, rng = TEXT.split(), np.random.default_rng(seed)
    return [" ".join(rng.choice(words, 60)) + f" {seed}" for _ in range(24)]
