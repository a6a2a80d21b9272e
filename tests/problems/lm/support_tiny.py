"""Tiny random models with a tiny tokenizer, made without a network."""

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = ["<pad>", "<s>", "</s>", "<mask>", "<unk>"]
TEXT = """A tiny tokenizer needs some text, so here are a few plain sentences of it.
The films were slow, and yet nobody in the theatre left before the end. It's a wonder!
Don't ask why the harbour was empty: the boats had gone out at 4:30 in the morning.
She counted 12, 34 and 567 stones, then gave up counting , and went home.
"""
SIZES: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GPT2 = {"vocab_size": 320, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}
GPT_NEO = {
    "num_layers": 3,
    "num_heads": 4,
    "window_size": 6,
    "attention_types": [[["global", "local", "global"], 1]],
}
LLAMA4 = {"intermediate_size_mlp": 48, "num_local_experts": 2, "num_experts_per_tok": 1}
FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", "LlamaForCausalLM", {}),
    "llama-tied": ("LlamaConfig", "LlamaForCausalLM", {"tie_word_embeddings": True}),
    "mistral": ("MistralConfig", "MistralForCausalLM", {"sliding_window": 6}),
    "qwen2": ("Qwen2Config", "Qwen2ForCausalLM", {}),
    "qwen3": ("Qwen3Config", "Qwen3ForCausalLM", {}),
    "phi": ("PhiConfig", "PhiForCausalLM", {}),
    "phi3": ("Phi3Config", "Phi3ForCausalLM", {}),
    "gemma": ("GemmaConfig", "GemmaForCausalLM", {}),
    "gemma2": ("Gemma2Config", "Gemma2ForCausalLM", {"sliding_window": 6}),
    "gemma3": ("Gemma3TextConfig", "Gemma3ForCausalLM", {"sliding_window": 6}),
    "gpt2": ("GPT2Config", "GPT2LMHeadModel", GPT2),
    "gemma2-wide": ("Gemma2Config", "Gemma2ForCausalLM", {"final_logit_softcapping": 2.0}),
    "mistral-wide": ("MistralConfig", "MistralForCausalLM", {"sliding_window": 40}),
    "cohere": ("CohereConfig", "CohereForCausalLM", {"logit_scale": 0.5}),
    "granite": ("GraniteConfig", "GraniteForCausalLM", {"logits_scaling": 3.0}),
    "bloom": ("BloomConfig", "BloomForCausalLM", {"n_head": 4}),
    "llama4": ("Llama4TextConfig", "Llama4ForCausalLM", {**LLAMA4, "attention_chunk_size": 16}),
    "gpt-neo": ("GPTNeoConfig", "GPTNeoForCausalLM", GPT_NEO),
    "mpt": ("MptConfig", "MptForCausalLM", {"d_model": 32, "n_heads": 4, "n_layers": 2}),
    "mamba": ("MambaConfig", "MambaForCausalLM", {}),
    "bert": ("BertConfig", "BertForMaskedLM", {}),
    "roberta": ("RobertaConfig", "RobertaForMaskedLM", {"max_position_embeddings": 130}),
}


def tokenizer(around: bool = False, **named: Any) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of 320 tokens at most; with ``around`` it adds <s> and </s>."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator([TEXT], trainer)
    if around:
        made.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    words = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "mask_token": "<mask>"}
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", **words, **named)


def model(family: str, **changes: Any) -> Any:
    """A random model of a family, always the same; norms and biases are random, too."""
    configuration, kind, more = FAMILIES[family]
    sizes = {**(SIZES if family != "gpt2" else {}), **more, **changes}
    torch.manual_seed(0)
    made = getattr(transformers, kind)(getattr(transformers, configuration)(**sizes))
    drawn = torch.Generator().manual_seed(0)
    for tensor in made.state_dict().values():
        if tensor.ndim == 1 and tensor.is_floating_point():
            tensor += 0.1 * torch.randn(tensor.shape, generator=drawn)
    return made.eval().requires_grad_(False)


def folder(path: Path, family: str = "llama", around: bool = False, **changes: Any) -> str:
    """Save such a model with the tokenizer; return the folder's name."""
    model(family, **changes).save_pretrained(path)
    tokenizer(around).save_pretrained(path)
    return str(path)
