"""Scoring pruned prompts: the label scorer against whole passes over each prompt with each example.

    python -m tests.benchmarks.speed.masks [--quick] [--device cuda --dtype bfloat16]

Prompts of ``rt2`` with eight demonstrations are pruned at random to 80 to 120 tokens and scored on
32 examples, as ids. The other side is one pass over the whole text of each example, in batches
sorted by length and of the size that a trial shows to be fastest; it, too, projects the last
position only. Both sides score each prompt several times in turn, and their least times count, as
other programs disturb those least; the speed-up is the median of the prompts' ratios. In half
precision, predictions are compared with those in float32, too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from problems.lm import LM, LMSettings, load
from problems.lm.scoring import LabelScorer, label_ids
from problems.lm.tokens import ids_of

SLOT = "{sentence_1}"
SIZES = (4, 8, 32)
"""Rows of a batch of whole texts, of which the fastest number is taken."""
Texts = list[tuple[int, ...]]


@dataclass(frozen=True)
class Material:
    """A prompt with an open slot, what fills it, and the label words."""

    prompt: str
    examples: list[str]
    labels: list[str]


def material(file: Path | None) -> Material:
    """Return what to score: from a file, or from the package of film reviews."""
    if file is not None:
        return Material(**json.loads(file.read_text("utf-8")))
    from problems.prompts.data.builtin import load as task_of

    task = task_of("rt2")
    examples = [example.fields["sentence_1"] for example in task.splits.search[:32]]
    return Material(task.prompt(4, seed=0).text, examples, list(task.labels))


def pruned(lm: LM, given: Material, count: int) -> list[Texts]:
    """Return the texts of prompts pruned at random before the slot."""
    before, after = given.prompt.split(SLOT)
    start = np.array(ids_of(lm, before.rstrip()))
    end = ids_of(lm, after)
    middles = [ids_of(lm, f" {example}") for example in given.examples]
    rng = np.random.default_rng(0)
    prompts = []
    for _ in range(count):
        kept = rng.choice(len(start), int(rng.integers(80, 121)), replace=False)
        first = start[np.sort(kept)].tolist()
        prompts.append([(*lm.before, *first, *middle, *end) for middle in middles])
    return prompts


def whole(lm: LM, labels: Sequence[int], texts: Texts, rows: int) -> NDArray[np.float32]:
    """Return the labels' logits after each text by passes over whole texts, sorted by length."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    found = np.zeros((len(texts), len(labels)), np.float32)
    for begin in range(0, len(order), rows):
        part = order[begin : begin + rows]
        width = max(len(texts[index]) for index in part)
        ids = torch.full((len(part), width), lm.pad)
        for row, index in enumerate(part):
            ids[row, : len(texts[index])] = torch.tensor(texts[index])
        last = torch.tensor([len(texts[index]) - 1 for index in part])
        with torch.inference_mode():
            decoder: Any = lm.model.get_decoder()
            hidden = decoder(ids.to(lm.device), use_cache=False).last_hidden_state
            kept = hidden[torch.arange(len(part)), last]
            logits = lm.model.get_output_embeddings()(kept)
        found[part] = logits[:, list(labels)].float().cpu().numpy()
    return found


def seconds(works: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    """Return the least time of each piece of work; they are repeated in turn."""
    took: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, times in zip(works, took, strict=True):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
    return [min(times) for times in took]


def fastest(lm: LM, labels: Sequence[int], texts: Texts, repeats: int) -> int:
    """Return the number of rows with which passes over whole texts take the least time."""
    took = seconds([partial(whole, lm, labels, texts, rows) for rows in SIZES], repeats)
    return SIZES[took.index(min(took))]


def changed(scores: Sequence[NDArray[Any]], others: Sequence[NDArray[Any]]) -> float:
    """Return the share of examples whose likeliest label differs."""
    pairs = zip(scores, others, strict=True)
    return float(np.mean([(a.argmax(1) != b.argmax(1)).mean() for a, b in pairs]))


def compared(
    lm: LM, labels: Sequence[int], prompts: list[Texts], repeats: int
) -> tuple[dict[str, Any], list[NDArray[np.float32]]]:
    """Time both sides in turn; return the figures and our scores."""
    scorer = LabelScorer(lm, labels)
    ours = [scorer.score(texts) for texts in prompts]
    tokens = sum(len(text) for texts in prompts for text in texts)
    tokens_ratio = tokens / scorer.computed
    rows = fastest(lm, labels, prompts[0], repeats)
    theirs = [whole(lm, labels, texts, rows) for texts in prompts]
    print(f"{lm}: whole texts are fastest in batches of {rows}", flush=True)
    ratios = []
    for texts in prompts:
        sides = [partial(whole, lm, labels, texts, rows), partial(scorer.score, texts)]
        long, short = seconds(sides, repeats)
        ratios.append(long / short)
        print(f"{long:.3f} s against {short:.3f} s, ratio {ratios[-1]:.2f}", flush=True)
    difference = max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))
    return {
        "speedup_over_full_forward": round(statistics.median(ratios), 2),
        "tokens_ratio": round(tokens_ratio, 2),
        "max_score_difference": float(f"{difference:.2g}"),
        "changed_predictions": changed(ours, theirs),
    }, ours


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare both sides and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="4 prompts rather than 16")
    parser.add_argument("--model", help="a folder or an id, as evollm takes it")
    parser.add_argument("--device")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--examples", type=Path, help="a file that --save wrote")
    parser.add_argument("--save", type=Path, help="write the prompt and the examples, and end")
    given = parser.parse_args(arguments)
    found = material(given.examples)
    if given.save:
        given.save.write_text(json.dumps(asdict(found)), "utf-8")
        return
    lm = load(given.model, LMSettings(dtype=given.dtype, device=given.device))
    labels: Any = label_ids(lm, found.labels, found.prompt.split(SLOT)[1])
    prompts = pruned(lm, found, 4 if given.quick else 16)
    figures, scores = compared(lm, labels, prompts, 2 if given.quick else 4)
    if given.dtype != "float32":
        exact = load(given.model, LMSettings(dtype="float32", device=given.device))
        scorer = LabelScorer(exact, labels)
        right = [scorer.score(texts) for texts in prompts]
        figures["changed_from_float32"] = changed(scores, right)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
