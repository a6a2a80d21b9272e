"""Label words as ids: those that a model would write as the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from evollm.errors import EvollmError
from problems.lm.load import LM

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Label = int | tuple[int, ...]
"""The id of a label's word, or all of its ids."""
Rule = Literal["single", "first_token", "sequence"]
"""What stands for a label's word: its only token, its first one, or all of them."""


def label_ids(
    model: LM | PreTrainedTokenizerBase, words: Sequence[str], before: str, rule: Rule = "single"
) -> tuple[Label, ...]:
    """Return the ids that stand for label words behind a text.

    Each word is encoded together with the text, a blank between them, so that its ids are those at
    the place of the answer. Behind a text that ends in white space it is encoded without a blank.

    Args:
        model: A model, or a tokenizer alone.
        words: A word for each label.
        before: The end of the prompt, such as ``Sentiment:``.
        rule: ``single`` for words of one token each; ``first_token`` for the first tokens of words;
            ``sequence`` for all tokens of each, as a tuple.

    Returns:
        For each word an id, or with ``sequence`` a tuple of ids; no two are equal.

    Raises:
        EvollmError: If there is no word, a word has no token of its own, one that is unknown, or
            more tokens than the rule takes; or two words get the same.
    """
    tokenizer: Any = model.tokenizer if isinstance(model, LM) else model
    title = f"the tokenizer of {model.name if isinstance(model, LM) else tokenizer.name_or_path}"
    if isinstance(model, LM) and model.masked:
        before = before.rstrip()  # a mask stands for a word with the blank before it
    found = [_ids(tokenizer, title, word, before) for word in words]
    if not found:
        raise EvollmError("give at least one label word")
    for word, ids in zip(words, found, strict=True):
        if rule == "single" and len(ids) > 1:
            raise EvollmError(
                f"the label word {word!r} is {len(ids)} tokens to {title} "
                f"({', '.join(tokenizer.convert_ids_to_tokens(list(ids)))}): choose another word"
            )
    _check_different(words, found, rule, tokenizer, title)
    return tuple(found) if rule == "sequence" else tuple(ids[0] for ids in found)


def _ids(tokenizer: Any, title: str, word: str, before: str) -> tuple[int, ...]:
    """Return a word's ids behind a text.

    Raises:
        EvollmError: If the word has no ids of its own there, or an unknown one.
    """
    blank = before[-1:].isspace()
    own = _behind(tokenizer, before, word if blank or not before else f" {word}")
    if not own and blank:  # most tokenizers would join that blank with the word
        own = _behind(tokenizer, "\n", word)
    if not own:
        raise EvollmError(
            f"the label word {word!r} has no token of its own behind {before[-30:]!r} in "
            f"{title}: end the prompt in a colon, or choose another word"
        )
    if tokenizer.unk_token_id in own:
        raise EvollmError(f"the label word {word!r} is unknown to {title}: choose another word")
    return own


def _behind(tokenizer: Any, start: str, end: str) -> tuple[int, ...]:
    """Return the ids of an end behind a start; none if a token belongs to both."""
    first, whole = (
        tuple(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        for text in (start, start + end)
    )
    return whole[len(first) :] if whole[: len(first)] == first else ()


def _check_different(
    words: Sequence[str],
    found: Sequence[tuple[int, ...]],
    rule: Rule,
    tokenizer: Any,
    title: str,
) -> None:
    """Refuse words that are the same to a model.

    Raises:
        EvollmError: By the names of the first two.
    """
    seen: dict[tuple[int, ...], str] = {}
    for word, ids in zip(words, found, strict=True):
        key = ids if rule == "sequence" else ids[:1]
        if key in seen:
            token = tokenizer.convert_ids_to_tokens(ids[0])
            raise EvollmError(
                f"the label words {seen[key]!r} and {word!r} begin with the same token {token!r} "
                f"in {title}: choose other words"
                if rule != "sequence"
                else f"the label words {seen[key]!r} and {word!r} are the same to "
                f"{title}: choose other words"
            )
        seen[key] = word
