"""What a GGUF file says of a model beside its weights: its shape and its vocabulary."""

from __future__ import annotations

import json
from typing import Any

from evollm.errors import EvollmError
from problems.lm.blocks import Blocks

ARCHITECTURE = "llama"
MODELS = ("llama", "mistral")
"""Types of models of that architecture."""
DIGITS_OF_LLAMA, DIGITS_OF_QWEN = r"\p{N}{1,3}", r"|\p{N}|"
"""What of their patterns tells which texts are split before tokens are formed."""


def describe(blocks: Blocks, writer: Any) -> None:
    """Write a model's shape and vocabulary.

    Args:
        blocks: A model of the llama or mistral kind.
        writer: A ``GGUFWriter``.

    Raises:
        EvollmError: If it is of another kind, or has a tokenizer of another kind.
    """
    config = blocks.lm.model.config
    _check(blocks.lm.name, config)
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(len(blocks))
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(float(config.rope_parameters["rope_theta"]))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(blocks.lm.vocabulary)
    _describe_tokens(blocks, writer)


def _check(name: str, config: Any) -> None:
    """Refuse a model that the architecture does not cover.

    Raises:
        EvollmError: With what to do.
    """
    why = None
    if config.model_type not in MODELS:
        why = f"is of the type {config.model_type}"
    elif config.rope_parameters.get("rope_type", "default") != "default":
        why = f"has rotary embeddings of the kind {config.rope_parameters['rope_type']}"
    elif getattr(config, "sliding_window", None):
        why = "has windows of attention"
    if why is not None:
        raise EvollmError(
            f"{name} {why}, which can't be written to a GGUF file from scratch: name a GGUF file "
            "of the same model as template"
        )


def _describe_tokens(blocks: Blocks, writer: Any) -> None:
    from gguf import TokenType

    tokenizer = blocks.lm.tokenizer
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_splitting(blocks.lm.name, backend))
    words = {number: word for word, number in tokenizer.get_vocab().items()}
    added = {one["id"]: one["special"] for one in backend["added_tokens"]}
    tokens, kinds = [], []
    for number in range(blocks.lm.vocabulary):
        tokens.append(words.get(number, f"[unused{number}]"))
        if number not in words:
            kinds.append(TokenType.UNUSED)
        elif number in added:
            kinds.append(TokenType.CONTROL if added[number] else TokenType.USER_DEFINED)
        else:
            kinds.append(TokenType.NORMAL)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    merges = backend["model"]["merges"]
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in merges])
    for name in ("bos", "eos", "pad", "unk"):
        number = getattr(tokenizer, f"{name}_token_id")
        if number is not None:
            getattr(writer, f"add_{name}_token_id")(number)
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(bool(blocks.lm.before))
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def _splitting(name: str, backend: dict[str, Any]) -> str:
    """Return what llama.cpp calls the way that a tokenizer splits texts at first.

    Raises:
        EvollmError: If it is not one of those that are known here.
    """
    steps = backend.get("pre_tokenizer") or {}
    kinds = [one["type"] for one in steps.get("pretokenizers", [steps]) if one]
    pattern = next(
        (
            one["pattern"].get("Regex", "")
            for one in steps.get("pretokenizers", [])
            if one["type"] == "Split"
        ),
        "",
    )
    if backend["model"]["type"] == "BPE" and kinds == ["ByteLevel"]:
        return "gpt-2"
    if backend["model"]["type"] == "BPE" and kinds == ["Digits", "ByteLevel"]:
        return "smollm"
    if kinds == ["Split", "ByteLevel"] and DIGITS_OF_LLAMA in pattern:
        return "llama-bpe"
    if kinds == ["Split", "ByteLevel"] and DIGITS_OF_QWEN in pattern:
        return "qwen2"
    raise EvollmError(
        f"the tokenizer of {name} can't be written to a GGUF file from scratch: name a GGUF file "
        "of the same model as template"
    )
