"""Examples as tokens, of which only the answer counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evollm.tuning.examples import Example

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples of similar length, padded at the end.

    Attributes:
        ids: Of shape ``(examples, tokens)``.
        weights: What each token counts as a target; 0 for those of prompts and padding.
        weight: The sum of the examples' weights.
    """

    ids: Tensor
    weights: Tensor
    weight: float


def batches(examples: Sequence[Example], tokenizer: Any, device: Any, most: int) -> Iterator[Batch]:
    """Yield batches of examples, those of similar length together.

    The weights of an example's tokens are its weight over the number of its answer's tokens, so
    that a long answer counts as much as a short one.

    Args:
        examples: The examples.
        tokenizer: The model's.
        device: Where the tensors go.
        most: Most tokens per batch, padding included; an example that is longer is alone.
    """
    import torch

    prompts = _ids(tokenizer, [_text(tokenizer, one) for one in examples])
    answers = _ids(tokenizer, [one.answer for one in examples])
    order = sorted(range(len(examples)), key=lambda i: len(prompts[i]) + len(answers[i]))
    lengths = [len(prompts[i]) + len(answers[i]) for i in order]
    for start, end in _parts(lengths, most):
        part, width = order[start:end], lengths[end - 1]
        ids = torch.zeros((len(part), width), dtype=torch.long)
        weights = torch.zeros((len(part), width))
        for row, i in enumerate(part):
            before, end = len(prompts[i]), len(prompts[i]) + len(answers[i])
            ids[row, :end] = torch.tensor([*prompts[i], *answers[i]])
            weights[row, before:end] = examples[i].weight / len(answers[i])
        weight = sum(examples[i].weight for i in part)
        yield Batch(ids.to(device), weights.to(device), weight)


def _parts(lengths: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Yield starts and ends of parts of ascending lengths that are, padded, at most so long."""
    start = 0
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or lengths[end] * (end + 1 - start) > most:
            yield start, end
            start = end


def loss(model: Any, batch: Batch) -> Tensor:
    """Return the weighted mean loss over the answers' tokens, in nats.

    Only the positions before answers are projected onto the vocabulary.
    """
    import torch

    decoder, head = model.get_decoder(), model.get_output_embeddings()
    hidden = decoder(input_ids=batch.ids, use_cache=False).last_hidden_state[:, :-1]
    counted = batch.weights[:, 1:] > 0
    logits = head(hidden[counted]).float()
    each = torch.nn.functional.cross_entropy(logits, batch.ids[:, 1:][counted], reduction="none")
    weights = batch.weights[:, 1:][counted]
    return (each * weights).sum() / weights.sum()


def _text(tokenizer: Any, example: Example) -> str:
    """Return a prompt as the model is given it: messages in the words of its chat template."""
    if isinstance(example.prompt, str):
        return example.prompt
    messages = [dict(message) for message in example.prompt]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def _ids(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    found: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return found
