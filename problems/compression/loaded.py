"""A model with its units, its text and its scorer, loaded once in a process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import exp
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Protocol

from evollm.paths import anchored
from problems.compression.evaluation.divergence import Metric, head_of
from problems.compression.kinds.space import Kind
from problems.compression.layout import Genome
from problems.compression.levels.costs import HALF
from problems.compression.levels.settings import LevelSettings
from problems.compression.texts import TextSettings, Windows
from problems.lm.settings import LMSettings

if TYPE_CHECKING:
    from problems.compression.evaluation.scorer import Score, Scorer
    from problems.compression.evaluation.stitched import WeightSource
    from problems.lm.blocks import Blocks
    from problems.lm.load import LM

TOGETHER = 512
"""Tokens that go through the whole model at a time."""


class Settings(Protocol):
    """What is loaded; see ``CompressedModel``."""

    @property
    def model(self) -> str | None:
        """Name of the model."""
        ...

    @property
    def kind(self) -> Kind:
        """What is compressed."""
        ...

    @property
    def text(self) -> TextSettings:
        """Which text."""
        ...

    @property
    def pool(self) -> int:
        """Tokens of text to draw from."""
        ...

    @property
    def window(self) -> int:
        """Tokens of each piece of it."""
        ...

    @property
    def levels(self) -> LevelSettings:
        """How levels are made."""
        ...

    @property
    def database(self) -> str | None:
        """The folder of the levels."""
        ...

    @property
    def lm(self) -> LMSettings:
        """How the model is loaded."""
        ...


class Loaded:
    """A model with its units, its text and its scorer.

    Args:
        settings: What is loaded.

    Attributes:
        lm: The model.
        blocks: Its blocks.
        space: What is searched.
        source: The weights of the levels, once the scorer was used; None if there are none.
    """

    source: WeightSource | None = None

    def __init__(self, settings: Settings) -> None:
        self.lm, self.blocks = model_of(settings.model, settings.lm)
        self.space = settings.kind.space(self.blocks.linears, _fixed(self.blocks))
        self._settings = settings
        self._scorer: Scorer | None = None
        self._texts: tuple[Windows, Windows] | None = None
        self._perplexities: dict[int, float] = {}

    @property
    def pool(self) -> Windows:
        """Windows to search on."""
        return self._windows()[0]

    @property
    def held_out(self) -> Windows:
        """Windows to measure the result on."""
        return self._windows()[1]

    @property
    def scorer(self) -> Scorer:
        """What scores level vectors; the levels are made on first use."""
        with _LOCK:
            if _active != [self]:
                self.release()
                _active.append(self)
            if self._scorer is None:
                from problems.compression.evaluation.scorer import Scorer
                from problems.compression.evaluation.stitched import Stitched

                self._windows()  # text that is too short is refused before levels are made
                self.source = self._source()
                self._scorer = Scorer(Stitched(self.blocks, self.space.layout, self.source))
            return self._scorer

    def scores(
        self,
        genomes: Sequence[Genome],
        windows: Windows,
        metrics: tuple[Metric, ...],
        keep: int | None = None,
        tokens: int | None = None,
    ) -> list[tuple[Score, ...]]:
        """Score genomes; see ``Scorer.scores``. Threads wait for each other."""
        with _LOCK:
            return self.scorer.scores(genomes, windows, metrics, keep, tokens)

    def perplexity(self, tokens: int) -> float:
        """Return the perplexity of the whole model on the first held-out text, computed once.

        Args:
            tokens: Of how many tokens, rounded up to whole windows.
        """
        if tokens not in self._perplexities:
            text = self.held_out[: -(-tokens // self.held_out.shape[1])]
            total, rows = 0.0, max(1, TOGETHER // text.shape[1])
            for start in range(0, len(text), rows):
                total += self.surprise(text[start : start + rows])
            self._perplexities[tokens] = exp(min(total / text[:, 1:].size, 700))
        return self._perplexities[tokens]

    def surprise(self, ids: Windows) -> float:
        """Return the whole model's negative log-likelihood of windows, in nats.

        No level is needed, so that none is made.

        Args:
            ids: Of shape ``(rows, length)``.
        """
        import torch

        from problems.lm.streaming import resident

        with _LOCK, torch.inference_mode():
            self.release()
            given = torch.tensor(ids, device=self.lm.device)
            entry = self.blocks.enter(given)
            hidden = entry.hidden
            for index in range(len(self.blocks)):
                with resident(self.blocks, index):
                    hidden = self.blocks.run(index, hidden, entry)
            states = self.blocks.leave(hidden[:, :-1]).flatten(0, 1)
            targets = given[:, 1:].flatten()
            [found] = head_of(self.blocks).values(states[None], None, targets, ("perplexity",))
            return float(found.double().sum())

    def release(self) -> None:
        """Bring the model's own weights back, for another one that shares them."""
        while _active:
            one = _active.pop()
            if one._scorer is not None:
                one._scorer.stitched.restore()

    def _source(self) -> WeightSource | None:
        if not any(unit.linear for unit in self.space.layout.units):
            return None
        if any(level.kind == "gguf" for unit in self.space.layout.units for level in unit.levels):
            from problems.compression.export.gguf.source import TypedWeights

            return TypedWeights(self.blocks)
        from problems.compression.levels.build import build

        one = self._settings
        text = one.text.searched(self.lm, one.text.calibration, one.window)
        folder = None if one.database is None else Path(anchored(one.database))
        return build(self.lm, self.space.layout, one.levels, text, folder)

    def _windows(self) -> tuple[Windows, Windows]:
        if self._texts is None:
            one = self._settings
            self._texts = (
                one.text.searched(self.lm, one.pool, one.window),
                one.text.measured(self.lm, one.window),
            )
        return self._texts


_LOCK = RLock()
_active: list[Loaded] = []
"""Whose levels the model's layers may have at the moment."""


@lru_cache(maxsize=4)
def loaded(settings: Settings) -> Loaded:
    """Return what is loaded for settings, on their first use in this process."""
    with _LOCK:
        return Loaded(settings)


@lru_cache(maxsize=1)
def model_of(model: str | None, settings: LMSettings) -> tuple[LM, Blocks]:
    """Return a model and its blocks, loaded on its first use in this process.

    Of a model that takes more than half of the free memory only one block is there at a time.
    """
    from problems.lm.blocks import Blocks
    from problems.lm.load import load
    from problems.lm.streaming import stream

    lm = (stream if _tight(model, settings) else load)(model, settings)
    return lm, Blocks(lm)


def _tight(model: str | None, settings: LMSettings) -> bool:
    """Return whether a model's memory has no room for original weights beside those of levels.

    Then its blocks are brought one by one, and levels are the only copy of the weights.
    """
    import torch

    from problems.compression.evaluation.memory import free
    from problems.lm.devices import device_of
    from problems.lm.extra import require
    from problems.lm.sources import find, is_masked

    require()
    source, device = find(model, settings), device_of(settings.device)
    if device == "auto" or is_masked(source, settings):
        return False
    if any(file.suffix != ".safetensors" for file in source.weights):
        return False
    size = sum(file.stat().st_size for file in source.weights)
    return 2 * size > free(torch.device(device))


def _fixed(blocks: Blocks) -> int:
    """Return the bytes of what is in no linear layer of a block, at 2 for each number."""
    whole = sum(int(one.numel()) for one in blocks.lm.model.parameters())
    return HALF * (whole - sum(linear.size for row in blocks.linears for linear in row))
