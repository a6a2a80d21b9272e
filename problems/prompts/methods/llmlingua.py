"""LLMLingua-2: Data Distillation for Efficient and Faithful Prompt Compression, 2024.

Pan et al., arXiv 2403.12968: a token classifier says which words of a prompt to keep. It reads the
prompt alone, neither the examples nor the model that the prompt is for; here it is a baseline.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from evollm.checks import positive
from evollm.cli.options import option
from evollm.errors import EvollmError
from evollm.paths import anchored
from evollm.search.flow import Flow, survive, vary
from evollm.search.memo import Memo
from evollm.types import Offspring, Parent
from problems.lm.extra import quiet, require
from problems.prompts.fitness import PromptFitness
from problems.prompts.methods.method import Whole
from problems.prompts.tokens import Mask

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

KEEP = 1
"""The class that means keep."""
LONGEST = 512
"""Most tokens that the classifier reads at once; longer prompts are read in pieces."""


@dataclass(frozen=True)
class LLMLingua:
    """Keeps the words that a token classifier wants to keep, at several rates.

    Attributes:
        folder: Folder of a token classification model and its tokenizer; its class 1 means keep.
        rates: How many prompts are scored, each with another share of tokens kept.
        highest: The first share; the others follow at equal distances.
        lowest: The last share.
    """

    folder: str | None = option(None, metavar="FOLDER")
    rates: int = 30
    highest: float = 0.95
    lowest: float = 0.1
    title: ClassVar[str] = "LLMLingua-2"
    reranks: ClassVar[bool] = True

    def __post_init__(self) -> None:
        positive(rates=self.rates)
        if not 0 < self.lowest <= self.highest <= 1:
            raise EvollmError(
                f"lowest must be above 0 and at most highest, which is at most 1, not "
                f"{self.lowest} and {self.highest}"
            )

    def flow(self, problem: PromptFitness, seed: int) -> Flow:
        """Return the search: the unpruned prompt, then one prompt per rate, the longest first.

        Raises:
            EvollmError: If no folder is named.
        """
        if self.folder is None:
            raise EvollmError("LLMLingua-2 needs a folder with its classifier: name one")
        prompt, memo = problem.prompt, Memo(problem.key)
        first = yield from vary(Whole(len(prompt.free)), [], 1, 0)
        starts = list(accumulate((len(text) for text in prompt.texts), initial=0))
        places = tuple(starts[place] for place in prompt.free)
        rates = tuple(np.linspace(self.highest, self.lowest, self.rates).tolist())
        keep = KeepWords(str(anchored(self.folder)), prompt.template.text, places, rates)
        made = yield from vary(keep, first, self.rates, 0, 1)
        [whole] = yield from memo.evaluate(first)
        scored = yield from memo.evaluate(made, step=1)
        best = max([whole, *scored], key=lambda one: (one.fitness, -one.id))
        yield from survive([best], 1)
        return "every rate is scored"


@dataclass(frozen=True)
class KeepWords:
    """Keeps the likeliest words of a prompt, whole words only.

    Attributes:
        folder: The classifier's.
        text: The prompt.
        places: For each prunable token where it begins in the prompt, blanks before it included.
        rates: The share of the prunable tokens that each child keeps, at least.
    """

    folder: str
    text: str
    places: tuple[int, ...]
    rates: tuple[float, ...]

    def vary(self, parents: Sequence[Parent[Mask]], n: int, seed: int) -> Offspring[Mask]:
        """Return a child for each of the first ``n`` rates, whatever the parents."""
        words = [found.span() for found in re.finditer(r"\S+", self.text)]
        worth = probabilities(self.folder, self.text, words)
        owners = _owners(words, self.places)
        return Offspring([_kept(worth, owners, rate) for rate in self.rates[:n]])


def probabilities(folder: str, text: str, words: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Return how likely each word is to be kept: the mean over the classifier's tokens in it.

    Args:
        folder: The classifier's.
        text: The prompt.
        words: The characters of each word.

    Returns:
        Of shape ``(words,)``, each in [0, 1]; 1 for a word without a token of its own.

    Raises:
        EvollmError: If a package is missing, or the folder holds no such classifier.
    """
    sums, counts = np.zeros(len(words)), np.zeros(len(words), dtype=np.int64)
    found = [(span, keep) for span, keep in _read(folder, text) if span[0] < span[1]]
    owners = _owners(words, [start for (start, _), _ in found])
    np.add.at(sums, owners, [keep for _, keep in found])
    np.add.at(counts, owners, 1)
    return np.where(counts, sums / np.maximum(counts, 1), 1.0)


def _read(folder: str, text: str) -> list[tuple[tuple[int, int], float]]:
    """Return the characters of each of the classifier's tokens, and how likely it is kept."""
    require()
    import torch

    model, tokenizer = _loaded(folder)
    pieces = tokenizer(
        text,
        truncation=True,
        max_length=_longest(model, tokenizer),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    found = []
    for ids, spans in zip(pieces["input_ids"], pieces["offset_mapping"], strict=True):
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids])).logits[0].float()
        keep = torch.softmax(logits, dim=-1)[:, KEEP].tolist()
        found += list(zip(map(tuple, spans), keep, strict=True))
    return found


@lru_cache(maxsize=1)
def _loaded(folder: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    import transformers

    try:
        with quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model, report = transformers.AutoModelForTokenClassification.from_pretrained(
                folder, local_files_only=True, output_loading_info=True
            )
    except (OSError, ValueError) as error:
        raise EvollmError(
            f"{folder} can't be read as a token classifier ({' '.join(str(error).split())[:200]}): "
            "give a folder that holds an LLMLingua-2 model with its tokenizer"
        ) from None
    if report["missing_keys"] or model.config.num_labels <= KEEP or not tokenizer.is_fast:
        raise EvollmError(
            f"{folder} holds no token classifier with two classes and a fast tokenizer: give a "
            "folder that holds an LLMLingua-2 model"
        )
    return model.eval().requires_grad_(False), tokenizer


def _longest(model: Any, tokenizer: Any) -> int:
    """Return how many tokens fit; RoBERTa and its kin have two positions that no token takes."""
    positions = getattr(model.config, "max_position_embeddings", None) or LONGEST + 2
    return int(min(LONGEST, tokenizer.model_max_length, positions - 2))


def _owners(words: Sequence[tuple[int, int]], starts: Sequence[int]) -> NDArray[np.intp]:
    """Return the word of each token: the one that it begins in, or else the next one."""
    stops = [stop for _, stop in words]
    found = [min(bisect_right(stops, start), len(words) - 1) for start in starts]
    return np.array(found, dtype=np.intp)


def _kept(worth: NDArray[np.float64], owners: NDArray[np.intp], rate: float) -> Mask:
    """Return the mask that keeps the likeliest words, just enough for a share of the tokens."""
    wanted, kept = rate * len(owners), np.zeros(len(owners), dtype=np.bool_)
    for word in np.argsort(-worth, kind="stable"):
        if kept.sum() >= wanted:
            break
        kept |= owners == word
    return kept
