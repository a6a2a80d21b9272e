"""How likely a model finds texts, or their ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError
from problems.lm.load import LM
from problems.lm.scoring.layout import Ids
from problems.lm.scoring.passes import Passes


def log_likelihoods(
    lm: LM,
    texts: Sequence[Ids],
    counts: Sequence[int] | None = None,
    *,
    batch_tokens: int | None = None,
) -> NDArray[np.float32]:
    """Return the mean log-probability of the tokens of texts; its negative's exp is the perplexity.

    Args:
        lm: A causal model.
        texts: Complete ids, special tokens included.
        counts: Of how many last tokens of each text; none for all but the first one, which nothing
            precedes.
        batch_tokens: Positions that are computed together; none for what suits the device.

    Returns:
        Natural logarithms of shape ``(texts,)``, computed in single precision.

    Raises:
        EvollmError: If the model is a masked one, or a text has fewer than two tokens, fewer than
            are asked for, or more than the context.
    """
    counts = [len(text) - 1 for text in texts] if counts is None else counts
    found = sums(Passes(lm, batch_tokens), texts, counts)
    return np.divide(found, counts, dtype=np.float32, casting="same_kind")


def sums(passes: Passes, texts: Sequence[Ids], counts: Sequence[int]) -> NDArray[np.float32]:
    """Return the sums of the log-probabilities of the last tokens of texts.

    Args:
        passes: Of a causal model with all its logits.
        texts: Complete ids.
        counts: Number of last tokens of each text.

    Raises:
        EvollmError: As ``log_likelihoods``.
    """
    _check(passes.lm, texts, counts)
    wanted = [range(len(t) - 1 - n, len(t) - 1) for t, n in zip(texts, counts, strict=True)]
    found = np.zeros(len(texts), np.float32)
    for owners, logits in passes.logits([text[:-1] for text in texts], wanted):
        indices = list(dict.fromkeys(owners.tolist()))
        targets = [texts[i][position + 1] for i in indices for position in wanted[i]]
        whole = logits.float()
        right = whole.gather(1, whole.new_tensor(targets).long()[:, None])[:, 0]
        np.add.at(found, owners, (right - whole.logsumexp(1)).cpu().numpy())
    return found


def _check(lm: LM, texts: Sequence[Ids], counts: Sequence[int]) -> None:
    if lm.masked:
        raise EvollmError(
            f"{lm.name} fills in masks and gives texts no probability: name a causal model"
        )
    for index, (text, count) in enumerate(zip(texts, counts, strict=True)):
        if not 0 < count < len(text):
            raise EvollmError(
                f"text {index} has {len(text)} tokens, and the probability of its last {count} "
                "is asked for: give a longer text, and ask for 1 or more"
            )
