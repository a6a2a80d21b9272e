"""What a served GGUF file says of each next token, beside the same model in torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from evollm.llm.base import ModelError
from evollm.llm.offline.lease import Address, Service, lease, leave
from evollm.llm.offline.quantise import Content, rewrite
from problems.lm.forward import logits
from problems.lm.load import LM

TIMEOUT_S = 120
LEAST = -100.0
"""Log-probability of what the server holds for impossible."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the served model's distributions agree with those of the model in torch.

    Attributes:
        kl: Mean divergence of the served one from the one in torch, in nats per token, over the
            full vocabulary.
        positions: Number of tokens that it is a mean of.
        same: Share of them where both find the same token most likely.
    """

    kl: float
    positions: int
    same: float


def agreement(lm: LM, file: Path, windows: NDArray[np.int64], threads: int = 2) -> Agreement:
    """Serve a file, and compare what it says after each token of some windows.

    The server is asked for the log-probabilities of the whole vocabulary, once for each token.
    llama.cpp computes with inputs of layers rounded to 8 bits wherever weights are quantised. That
    alone makes a difference; ``in_full`` writes the same weights so that it does not round.

    Args:
        lm: The model in torch, with the weights of the file in it.
        file: The GGUF file.
        windows: Ids of shape ``(rows, length)``; the last of each row is not used.
        threads: Of the server.

    Raises:
        EvollmError: If the package ``xllamacpp`` is missing.
        ModelError: If the server can't start.
    """
    import torch

    own = logits(lm, torch.tensor(windows, device=lm.device))[:, :-1].double()
    ours = own.log_softmax(-1).flatten(0, 1).cpu().numpy()
    total, same = 0.0, 0
    served = answers(lm, file, windows, threads)
    for mine, theirs in zip(ours, served, strict=True):
        total += float((np.exp(mine) * (mine - theirs)).sum())
        same += int(mine.argmax() == theirs.argmax())
    return Agreement(total / len(ours), len(ours), same / len(ours))


def in_full(file: Path, target: Path) -> Path:
    """Write a GGUF file with exactly the same weights in F32; return the new file.

    Args:
        file: A GGUF file with quantised tensors.
        target: The new file.
    """
    from gguf import GGMLQuantizationType, LlamaFileType, dequantize

    def content(tensor: Any) -> Content:
        full = dequantize(tensor.data, tensor.tensor_type)
        return full.astype(np.float32), None, GGMLQuantizationType.F32

    rewrite(file, target, content, int(LlamaFileType.ALL_F32))
    return target


def answers(
    lm: LM, file: Path, windows: NDArray[np.int64], threads: int = 2
) -> Iterator[NDArray[np.float64]]:
    """Yield the served model's log-probabilities of the next token, token by token.

    Args:
        lm: The model in torch, for its vocabulary.
        file: The GGUF file.
        windows: Ids of shape ``(rows, length)``; nothing is asked after the last of each row.
        threads: Of the server.
    """
    service = Service(file, context=windows.shape[1] + 8, slots=1, threads=threads, grace=1.0)
    said = _plain(lm)
    address = lease(service)
    try:
        for row in windows.tolist():
            for end in range(1, len(row)):
                yield _asked(address, row[:end], lm.vocabulary, said)
    finally:
        leave(service)


def _plain(lm: LM) -> int:
    """Return a token of letters: with a part of a character no probabilities come."""
    words = lm.tokenizer.convert_ids_to_tokens(range(len(lm.tokenizer)))
    return next(n for n, word in enumerate(words) if word and word.isascii() and word.isalpha())


def _asked(address: Address, ids: Sequence[int], vocabulary: int, said: int) -> NDArray[np.float64]:
    asked = {
        "prompt": ids,
        "n_predict": 1,
        "n_probs": vocabulary,
        "temperature": -1.0,
        "samplers": [],
        "logit_bias": [[said, 1000]],  # what is said next; the probabilities do not show it
        "cache_prompt": True,
    }
    answer = _posted(address, json.dumps(asked))
    try:
        found = answer["completion_probabilities"][0]["top_logprobs"]
    except (KeyError, IndexError, TypeError):
        raise ModelError(f"the model server gave no probabilities: {str(answer)[:200]}") from None
    logs = np.full(vocabulary, LEAST)
    logs[[one["id"] for one in found]] = np.maximum([one["logprob"] for one in found], LEAST)
    logs -= np.logaddexp.reduce(logs)  # the server's sums are off by up to 2e-4
    return logs


def _posted(address: Address, body: str) -> Any:
    """Return the answer to a request; each has a connection of its own, which can't be stale."""
    parts = urlsplit(address.url)
    line = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    headers = {"Authorization": f"Bearer {address.token}", "Content-Type": "application/json"}
    try:
        line.request("POST", "/completion", body, headers)
        return json.loads(line.getresponse().read())
    except (OSError, HTTPException, ValueError) as error:
        raise ModelError(f"the model server did not answer ({error}): try again") from None
    finally:
        line.close()
