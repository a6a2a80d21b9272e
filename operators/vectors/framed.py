"""A language model that samples points in a frame around the best ones (ours)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evollm.checks import at_least, positive
from evollm.llm.base import Completion, LanguageModel, Mode, Prompt, Sampling
from evollm.types import Offspring, Parent
from operators.vectors.rows import Integers, RowFormat, Vector, grammar, read

SEEDS = 2**31
STIR = 6  # in grains; with the default jitter about one integer in ten changes
ROUNDING = 1e-9  # the outermost rows are on cell borders, at a quarter and three quarters


@dataclass(frozen=True, slots=True)
class Frame:
    """A box in which coordinates are written as a few digits each.

    Attributes:
        low: The lower corner, shape ``(D,)``.
        width: The widths, shape ``(D,)``.
        digits: Digits per coordinate: ``00`` to ``99`` for two.
    """

    low: Vector
    width: Vector
    digits: int = 2

    @classmethod
    def around(cls, rows: Vector, grain: Sequence[float] = (), digits: int = 2) -> "Frame":
        """Return the box around rows, widened by half its width on each side.

        It may extend beyond the unit cube: the rows always fill its middle half, and an answer
        outside the cube is moved onto its face, so that an optimum there can be found.

        Args:
            rows: Shape ``(rows, D)``.
            grain: The minimum width per coordinate; widths are also at least a thousandth of the
                widest, and 1e-9.
            digits: Digits per coordinate.
        """
        low, high = rows.min(axis=0), rows.max(axis=0)
        width = floored(high - low, grain)
        return cls((low + high) / 2 - width, 2 * width, digits)

    def encode(self, u: Vector) -> Integers:
        """Return the index of the cell that contains each coordinate, 0 to ``10**digits - 1``."""
        cells = np.floor((u - self.low) / self.width * 10**self.digits + ROUNDING)
        return np.asarray(np.clip(cells, 0, 10**self.digits - 1), dtype=np.int64)

    def decode(self, cells: Integers, block: NDArray[np.int64]) -> Vector:
        """Return the centres of a block's cells, both of shape ``(rows, block)``."""
        centres: Vector = self.low[block] + self.width[block] * (cells + 0.5) / 10**self.digits
        return centres

    def write(self, rows: Vector, block: NDArray[np.int64]) -> str:
        """Return some coordinates of rows as text, one row per line, digits with leading zeros."""
        cells = self.encode(rows)[:, block]
        return "".join(",".join(f"{n:0{self.digits}d}" for n in row) + "\n" for row in cells)


PAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """Settings for showing points in a frame to a model, and for its answers.

    Attributes:
        block: Number of coordinates per prompt; the prompts of all blocks are sent together. None
            for pairs, or with an adapter whole vectors of up to ten.
        shuffle: Whether coordinates are assigned to blocks at random in every call.
        digits: Digits per coordinate.
        fixed: Whether the frame is the whole cube, as in the paper, instead of following the rows.
        constrain: Whether the endpoint restricts answers to digits by a grammar, as llama.cpp's
            server can; otherwise they are only parsed. None for yes, or no with an adapter, which
            taught the model to write rows by itself.
        mode: Plain continuation of the rows, or chat, which adds two sentences before them.
        temperature: Sampling temperature.
        jitter: Standard deviation of the noise, in spreads of the best five or in six grains,
            whichever is larger.
        mean_of: If given, the offspring are Gaussian steps from the mean of so many answers, in
            place of the answers themselves; jitter is not used then.
        step_width: Standard deviation of these steps, in spreads of the best five.
    """

    block: int | None = None
    shuffle: bool = False
    digits: int = 2
    fixed: bool = False
    constrain: bool | None = None
    mode: Mode = "plain"
    temperature: float = 1.0
    jitter: float = 0.05
    mean_of: int | None = None
    step_width: float = 0.6

    def __post_init__(self) -> None:
        at_least(1, self, "block", "digits")
        at_least(0, self, "temperature", "jitter", "step_width")
        positive(mean_of=self.mean_of)


@dataclass(frozen=True, slots=True)
class FramedSamples(Framing):
    """Asks a model to continue the best points; its samples, with some jitter, are the offspring.

    Attributes:
        model: The language model.
        grain: For each coordinate the smallest step that matters; empty for none.
    """

    model: LanguageModel
    grain: tuple[float, ...] = ()

    @property
    def io_bound(self) -> bool:
        """True, because the call waits for a model."""
        return True

    def vary(self, parents: Sequence[Parent[Vector]], n: int, seed: int) -> Offspring[Vector]:
        """Return up to ``n`` vectors, one per sample that is readable in every block.

        With ``mean_of``, ``n`` steps from the mean of each block's readable samples; none if a
        block has none.

        Args:
            parents: The points to show, the least fit first.
            n: Children; without ``mean_of`` samples per block, of which the i-th usable ones of
                all blocks form the i-th child.
            seed: Seed of the noise, the blocks and the model.
        """
        if n < 1:
            return Offspring([])
        rows = np.array([parent.genome for parent in parents], dtype=np.float64)
        blocks = overlapping(rows.shape[1], self.block or PAIR, seed if self.shuffle else None)
        frame = self._frame(rows)
        prompts = [self._prompt(frame.write(rows, block), len(block)) for block in blocks]
        rejected: Counter[str] = Counter()
        replies = self._complete(prompts, len(blocks[0]), self.mean_of or n, seed % SEEDS)
        answers = [self._read(own, len(blocks[0]), rejected) for own in replies]
        size = min(len(usable) for usable in answers)
        if self.mean_of and size:
            size = n
        children, keys = np.empty((size, rows.shape[1])), [list[str]() for _ in range(size)]
        for block, usable in zip(blocks, answers, strict=True):
            own = usable if self.mean_of else usable[:size]
            places = frame.decode(np.reshape([cells for cells, _ in own], (-1, len(block))), block)
            if size:
                children[:, block] = places.mean(axis=0) if self.mean_of else places
            for i in range(size):
                keys[i] += [key for _, key in (own if self.mean_of else own[i : i + 1])]
        noise = np.random.default_rng(seed).standard_normal(children.shape)
        stir = [STIR * grain for grain in self.grain]
        reach = self.step_width if self.mean_of else self.jitter
        children += reach * spread(rows[-5:], stir) * noise
        genomes = [child.copy() for child in np.clip(children, 0.0, 1.0)]
        return Offspring(genomes, (), rejected, asked=n, supplied=size, calls=keys)

    def _frame(self, rows: Vector) -> Frame:
        if self.fixed:
            return Frame(np.zeros(rows.shape[1]), np.ones(rows.shape[1]), self.digits)
        return Frame.around(rows, self.grain, self.digits)

    def _prompt(self, rows: str, columns: int) -> Prompt:
        if self.mode == "plain":
            return rows
        header = (
            f"Each line is a point as {columns} numbers of {self.digits} digits, the best last. "
            "Guess the optimum from them, and answer with one more line only."
        )
        return [{"role": "user", "content": f"{header}\n\n{rows}"}]

    def _complete(
        self, prompts: Sequence[Prompt], columns: int, n: int, seed: int
    ) -> list[list[Completion]]:
        held = self.constrain is not False
        sampling = Sampling(
            temperature=self.temperature,
            max_tokens=(self.digits + 1) * columns + 4,
            stop=("\n",),
            mode=self.mode,
            grammar=grammar(columns, self.digits, exact=True) if held else None,
            seed=seed,
        )
        return self.model.complete(prompts, sampling, n)

    def _read(
        self, replies: Sequence[Completion], columns: int, rejected: Counter[str]
    ) -> list[tuple[Integers, str]]:
        """Return the readable rows of cells, each with the key of its answer."""
        usable = []
        for reply in replies:
            answer = read(reply.text, columns, RowFormat(resolution=10**self.digits - 1))
            if reply.error or answer.integers is None:
                rejected["unusable completion" if reply.error else "unreadable answer"] += 1
            else:
                usable.append((answer.integers, reply.key))
        return usable


def spread(rows: Vector, grain: Sequence[float] = ()) -> Vector:
    """Return the standard deviation of each coordinate, with the minimum of a frame's width."""
    return floored(rows.std(axis=0), grain)


def floored(width: Vector, grain: Sequence[float]) -> Vector:
    """Return widths of at least the grain, a thousandth of the widest, and 1e-9."""
    least = np.asarray(grain) if len(grain) else np.zeros(len(width))
    return np.maximum(np.maximum(width, least), max(float(width.max()) / 1000, 1e-9))


def overlapping(dimension: int, size: int, seed: int | None) -> list[NDArray[np.int64]]:
    """Return the coordinates of each block, all of the same size; the last may overlap others."""
    order = np.arange(dimension)
    if seed is not None:
        order = np.random.default_rng(seed).permutation(dimension)
    size = min(size, dimension)
    starts = [min(start, dimension - size) for start in range(0, dimension, size)]
    return [np.sort(order[start : start + size]) for start in starts]
