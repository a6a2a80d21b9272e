"""Scoring compressed candidates: a stage of children against one full pass for each of them.

    python -m tests.benchmarks.speed.levels [--quick] [--busy] [--model M --device cuda ...]

A walk with selection drops a quarter of the sublayers, and another one gives each layer 2, 3 or 4
bits, 3 on average. The children of its generations are scored on the same windows, of which the
best two are kept. The other side is a full pass per candidate, whose weights are swapped in memory,
too, and which skips dropped sublayers, too; it has the teacher's distributions ready, and batches
of the size that a trial shows to be fastest. ``same_head`` gives that side our summing of logits,
so that the order of computing alone is left. ``from_disk`` loads each layer that differs from the
candidate before. Both sides take turns; the speed-up is the median of the generations' ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evollm.types import Candidate
from problems.compression.evaluation.scorer import Score, Scorer
from problems.compression.evaluation.stitched import Stitched
from problems.compression.evaluation.teacher import Teacher
from problems.compression.kinds.depth import Depth
from problems.compression.kinds.quantization import Quantization
from problems.compression.kinds.space import Kind
from problems.compression.layout import Genome, Level
from problems.compression.levels.build import build
from problems.compression.levels.database import Levels
from problems.compression.levels.settings import LevelSettings
from problems.lm import LM, LMSettings, load
from problems.lm.blocks import Blocks
from problems.lm.prose import prose
from problems.lm.tokens import windows as cut

KEEP = 2
CLOCK: list[Callable[[], float]] = [time.perf_counter]
SIZES = (128, 256, 512, 1024)
"""Tokens of a batch of the full pass, of which the fastest number is taken."""


@dataclass(frozen=True)
class Walk:
    """Children of some generations, and how the parents came about."""

    stitched: Stitched
    teacher: Teacher
    windows: NDArray[np.int64]
    generations: list[list[Genome]]


def walk(
    lm: LM, kind: Kind, windows: NDArray[np.int64], size: tuple[int, int], source: Any = None
) -> Walk:
    """Let levels evolve, and keep the children; ``size`` is the generations and their children."""
    blocks = Blocks(lm)
    space = kind.space(blocks.linears)
    scorer = Scorer(Stitched(blocks, space.layout, source))
    starts = list({one.tobytes(): one for one in space.start.vary([], 8, 0).genomes}.values())
    parent, generations = _best(scorer, starts, windows), []
    for generation in range(size[0]):
        drawn = space.variation.vary([Candidate(0, parent, (), "", 0)], 4 * size[1], generation)
        distinct = {genome.tobytes(): genome for genome in drawn.genomes}
        distinct.pop(parent.tobytes(), None)
        generations.append(list(distinct.values())[: size[1]])
        parent = _best(scorer, [*generations[-1], parent], windows)
    return Walk(scorer.stitched, scorer.teacher, windows, generations)


def _best(scorer: Scorer, genomes: list[Genome], windows: NDArray[np.int64]) -> Genome:
    scores = scorer.score(genomes, windows, keep=1)
    return genomes[int(np.argmin([score.mean for score in scores]))]


class FullPass:
    """One pass per candidate through all blocks that it has, with the teacher's distributions."""

    def __init__(self, given: Walk, same_head: bool = False) -> None:
        self.given, self.same_head = given, same_head
        self.head = given.teacher.head
        self.kept = given.teacher.kept(given.windows)
        logits = torch.stack([self._teacher(row) for row in given.windows])
        logs = logits - logits.logsumexp(2, keepdim=True)
        self.probabilities = logs.exp()
        self.constant = (self.probabilities * logs).sum(2)

    def _teacher(self, window: NDArray[np.int64]) -> torch.Tensor:
        ids = torch.tensor(window[None], device=self.given.stitched.blocks.lm.device)
        self.given.stitched.restore()
        with torch.inference_mode():
            return self.given.stitched.blocks.lm.model(ids).logits[0, :-1].float()

    def score(self, genome: Genome, tokens: int) -> float:
        """Return the mean divergence of a candidate, some tokens at a time."""
        stitched, total = self.given.stitched, 0.0
        configs = stitched.layout.by_block(genome)
        rows = max(1, tokens // self.given.windows.shape[1])
        with torch.inference_mode():
            for start in range(0, len(self.given.windows), rows):
                here = slice(start, start + rows)
                ids = torch.tensor(self.given.windows[here], device=stitched.blocks.lm.device)
                entry = stitched.blocks.enter(ids)
                hidden = entry.hidden
                for index, config in enumerate(configs):
                    hidden = stitched.run(index, config, hidden, entry)
                states = stitched.blocks.leave(hidden[:, :-1])
                total += float(self._divergences(states, here, ids).sum())
        return total / self.constant.numel()

    def _divergences(self, states: torch.Tensor, here: slice, ids: torch.Tensor) -> torch.Tensor:
        if self.same_head:
            reference = self.head.reference(self.kept[here].flatten(0, 1))
            targets = ids[:, 1:].flatten()
            return self.head.values(states.flatten(0, 1)[None], reference, targets, ("kl",))[0]
        logits = self.given.stitched.blocks.head(states).float()
        expected = torch.linalg.vecdot(self.probabilities[here], logits)
        return self.constant[here] - expected + logits.logsumexp(-1)


class FromDisk:
    """Loads each layer that differs from what is in the model, from a file of its own."""

    def __init__(self, full: FullPass, folder: Path) -> None:
        self.full, self.folder = full, folder
        self.stitched = full.given.stitched
        self.linears = {
            (unit.block, unit.name): copied(self.stitched.blocks.linear(unit.block, unit.name))
            for unit in self.stitched.layout.units
        }
        self.held: dict[tuple[int, str], Level] = {}

    def write(self, genomes: Sequence[Genome]) -> None:
        """Write what some candidates need."""
        for key, level in {each for genome in genomes for each in self._levels(genome)}:
            torch.save(self.stitched.weights.of(*key, level).data, self._file(key, level))

    def score(self, genome: Genome, tokens: int) -> float:
        """Return the mean divergence."""
        for key, level in self._levels(genome):
            if self.held.get(key) != level:
                self.linears[key].copy_(torch.load(self._file(key, level)))
                self.held[key] = level
        return self.full.score(genome, tokens)

    def _levels(self, genome: Genome) -> list[tuple[tuple[int, str], Level]]:
        layout = self.stitched.layout
        pairs = zip(layout.units, layout.levels(genome), strict=True)
        return [((unit.block, unit.name), level) for unit, level in pairs]

    def _file(self, key: tuple[int, str], level: Level) -> Path:
        return self.folder / f"{key[0]}.{key[1]}.{level.value}.pth"


def levels(lm: LM, kind: Quantization, windows: NDArray[np.int64]) -> Levels:
    """Return a database in the cache, which later runs find there."""
    layout = kind.space(Blocks(lm).linears).layout
    return build(lm, layout, LevelSettings(group=kind.group), windows)


def copied(linear: Any) -> torch.Tensor:
    """Return weights that can be overwritten."""
    return linear.weight.detach().clone()  # type: ignore[no-any-return]


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long work took, and its result."""
    began = CLOCK[0]()
    found = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return CLOCK[0]() - began, found


def fastest(full: FullPass, genome: Genome) -> int:
    """Return the number of tokens with which full passes take the least time."""
    took = [min(seconds(lambda n=n: full.score(genome, n))[0] for _ in range(2)) for n in SIZES]
    return SIZES[took.index(min(took))]


def compared(given: Walk, title: str) -> dict[str, float]:
    """Time both sides in turn."""
    full, same = FullPass(given), FullPass(given, same_head=True)
    tokens = fastest(full, given.generations[0][0])
    print(f"{title}: full passes are fastest with {tokens} tokens", flush=True)
    rows = []
    for children in given.generations:
        scorer = Scorer(given.stitched, given.teacher)
        took, scores = seconds(lambda s=scorer, c=children: s.score(c, given.windows, KEEP))
        long, means = seconds(lambda c=children: [full.score(each, tokens) for each in c])
        nominal = len(children) * given.windows.size * len(given.stitched.blocks)
        row = _agreement(scores, means) | {"speedup": long / took}
        row |= {"blocks_run": scorer.computed / nominal, "per_second": len(children) / took}
        if len(rows) < 3:
            other, _ = seconds(lambda c=children: [same.score(each, tokens) for each in c])
            row["speedup_same_head"] = other / took
        rows.append(row)
        print({name: round(value, 6) for name, value in rows[-1].items()}, flush=True)
    names = rows[0].keys()
    middle = {n: statistics.median(row[n] for row in rows if n in row) for n in names}
    middle["difference"] = max(row["difference"] for row in rows)
    middle["survivors"] = statistics.mean(row["survivors"] for row in rows)
    return middle


def _agreement(scores: Sequence[Score], means: Sequence[float]) -> dict[str, float]:
    """Return how the scores of both sides agree."""
    complete = [(a.mean, b) for a, b in zip(scores, means, strict=True) if not a.bound]
    tokens = [score.tokens for score in scores]
    ours = sorted(range(len(means)), key=lambda index: scores[index].mean)[:KEEP]
    theirs = sorted(range(len(means)), key=lambda index: means[index])[:KEEP]
    return {
        "difference": max(abs(a - b) for a, b in complete),
        "survivors": len({*ours} & {*theirs}) / KEEP,
        "tokens_run": statistics.mean(tokens) / max(tokens),
    }


def disk_ratio(given: Walk) -> float:
    """Return how much longer it takes to load layers from disk, in the last generation."""
    children, full = given.generations[-1], FullPass(given)
    with tempfile.TemporaryDirectory() as folder:
        disk = FromDisk(full, Path(folder))
        disk.write(children)
        disk.score(children[0], SIZES[1])
        long, _ = seconds(lambda: [disk.score(each, SIZES[1]) for each in children])
    scorer = Scorer(given.stitched, given.teacher)
    short, _ = seconds(lambda: scorer.score(children, given.windows, KEEP))
    return long / short


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare both sides and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="3 generations rather than 10")
    parser.add_argument("--model", help="a folder or an id, as evollm takes it")
    parser.add_argument("--device")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    parser.add_argument(
        "--busy",
        action="store_true",
        help="the processor's time in one thread: others compute here",
    )
    given = parser.parse_args(arguments)
    if given.busy:
        CLOCK[0] = time.process_time
        torch.set_num_threads(1)
    lm = load(given.model, LMSettings(dtype=given.dtype, device=given.device))
    texts = prose().calibration[:2000]
    both = cut(lm, texts, count=40, length=128, seed=0)
    windows = both[: 4 if given.quick else 8]
    size = (3, 16) if given.quick else (10, 16)
    kind = Quantization(3.0, (2, 3, 4))
    depth = compared(walk(lm, Depth(0.25), windows, size), "depth")
    walked = walk(lm, kind, windows, size, levels(lm, kind, both[8:]))
    bits = compared(walked, "bits")
    figures: dict[str, Any] = {
        "speedup_depth": round(depth["speedup"], 2),
        "speedup_bits": round(bits["speedup"], 2),
        "speedup_from_disk": round(disk_ratio(walked), 2),
        "max_score_difference": float(f"{max(depth['difference'], bits['difference']):.2g}"),
    }
    for name, found in (("depth", depth), ("bits", bits)):
        for key in ("speedup_same_head", "blocks_run", "tokens_run", "per_second", "survivors"):
            figures[f"{key}_{name}"] = round(found[key], 3)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
