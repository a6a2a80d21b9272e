"""Scores of label words after texts: the logits from which a prompt's answer is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from problems.lm.load import LM
from problems.lm.scoring.head import narrowed
from problems.lm.scoring.labels import Label
from problems.lm.scoring.layout import Ids, shared
from problems.lm.scoring.likelihood import sums
from problems.lm.scoring.passes import Passes


class LabelScorer:
    """Scores label words after the texts of a prompt.

    A prompt's scores depend on its own texts alone, and not on their order: equal prompts get equal
    scores to the last bit.
    """

    def __init__(self, lm: LM, labels: Sequence[Label], *, batch_tokens: int | None = None) -> None:
        """Prepare a model.

        Args:
            lm: Of a masked model, the logits at a text's mask count; else those at its end.
            labels: The id of each label's word, or the ids of each as ``label_ids`` returns them.
                If all are single ids, scores are logits; else each is the sum of the
                log-probabilities of a label's ids.
            batch_tokens: Positions that are computed together; none for what suits the device.

        Raises:
            EvollmError: If there are no labels, one is empty, or it has several ids and the model
                is a masked one.
        """
        each = [
            (label,) if isinstance(label, int | np.integer) else tuple(label) for label in labels
        ]
        if not each or not all(each):
            raise EvollmError("give at least one label, and at least one id for each")
        self._labels = each
        self._single = all(isinstance(label, int | np.integer) for label in labels)
        if lm.masked and not self._single:
            raise EvollmError(f"{lm.name} fills in one mask: use label words of one token each")
        ids = [label[0] for label in each]
        few = narrowed(lm, ids) if self._single else None
        self._columns = ids if few is None else list(range(len(ids)))
        self._passes = Passes(few or lm, batch_tokens)

    @property
    def computed(self) -> int:
        """Number of tokens computed so far, without padding."""
        return self._passes.computed

    @property
    def padded(self) -> int:
        """Number of positions computed so far that hold no token."""
        return self._passes.padded

    @staticmethod
    def nominal(texts: Sequence[Ids]) -> int:
        """Return how many tokens a prompt costs: what its texts begin with once, and their rests.

        Args:
            texts: Complete ids of the prompt with each example.
        """
        start = shared(texts)
        return start + sum(len(text) - start for text in texts)

    def score(self, texts: Sequence[Ids]) -> NDArray[np.float32]:
        """Return the labels' scores after each text of a prompt.

        Args:
            texts: Complete ids, special tokens included, of the prompt with each example.

        Returns:
            Of shape ``(texts, labels)``.

        Raises:
            EvollmError: If a text is empty or longer than the model's context, or one for a masked
                model does not hold exactly one mask.
        """
        if not self._single:
            return self._sequences(texts)
        found = np.zeros((len(texts), len(self._labels)), np.float32)
        for owners, logits in self._passes.logits(texts, self._places(texts)):
            found[owners] = logits[:, self._columns].float().cpu().numpy()
        return found

    def score_many(self, prompts: Iterable[Sequence[Ids]]) -> Iterator[NDArray[np.float32]]:
        """Yield the scores of several prompts, one after another.

        Args:
            prompts: The texts of each, as ``score`` takes them.
        """
        return map(self.score, prompts)

    def _places(self, texts: Sequence[Ids]) -> list[tuple[int]]:
        """Return for each text where the answer is read."""
        if not self._passes.lm.masked:
            return [(len(text) - 1,) for text in texts]
        mask = self._passes.lm.tokenizer.mask_token_id
        found = [[place for place, one in enumerate(text) if one == mask] for text in texts]
        for index, places in enumerate(found):
            if len(places) != 1:
                raise EvollmError(
                    f"text {index} has {len(places)} masks, and {self._passes.lm.name} is asked "
                    "to fill in one: write the mask's slot into the prompt once"
                )
        return [(places[0],) for places in found]

    def _sequences(self, texts: Sequence[Ids]) -> NDArray[np.float32]:
        """Return sums of log-probabilities, each label written behind each text."""
        written = [(*text, *label) for text in texts for label in self._labels]
        counts = [len(label) for _ in texts for label in self._labels]
        return sums(self._passes, written, counts).reshape(len(texts), len(self._labels))
