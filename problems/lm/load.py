"""A model with its tokenizer, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evollm.errors import EvollmError
from problems.lm.devices import device_of, dtype_of, memory_of
from problems.lm.extra import quiet, require
from problems.lm.settings import LMSettings
from problems.lm.sources import Source, find, is_masked
from problems.lm.tokenizer import around, tokenizer_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

UNBOUNDED = 1 << 20
"""The context of a model that names no limit."""


@dataclass(frozen=True, eq=False, repr=False)
class LM:
    """A model to compute with: in evaluation mode, without gradients.

    Attributes:
        model: The model, of transformers.
        tokenizer: Its tokenizer.
        source: Where its files are.
        masked: Whether it fills in masks, rather than continuing a text.
        context: Most tokens of a text, special ones included.
        device: Where its input goes.
        dtype: Of its weights.
        vocabulary: Number of rows of its output matrix; some may belong to no token.
        before: Ids of the special tokens that the tokenizer puts before a text.
        after: And after it.
        ends: Ids of the tokens that end a text when they are generated.
        pad: An id for positions that are masked out.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    source: Source
    masked: bool
    context: int
    device: torch.device
    dtype: torch.dtype
    vocabulary: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    ends: tuple[int, ...]
    pad: int

    def __repr__(self) -> str:
        return f"LM({self.name!r}, {self.dtype}, {self.device})"

    @property
    def name(self) -> str:
        """As the user named it."""
        return self.source.name

    @property
    def fingerprint(self) -> Mapping[str, str | None]:
        """What identifies the model in a record: name, commit and SHA-256."""
        return self.source.fingerprint()


def load(name: str | None = None, settings: LMSettings = LMSettings()) -> LM:
    """Load a model and its tokenizer.

    The offline model is fetched and converted on its first use, which takes half a minute; after
    that it loads in half a second.

    Args:
        name: ``"offline"`` or None for the offline model; ``"hf:OWNER/MODEL"`` for one from
            Hugging Face; a folder that holds ``config.json``; or a GGUF file.
        settings: Precision, device and the like.

    Raises:
        EvollmError: If a package is missing; there is no such model, or it can't be fetched; it is
            neither a causal nor a masked language model; it needs code that is not trusted; or it
            does not fit in memory.
    """
    require()
    source = find(name, settings)
    masked = is_masked(source, settings)
    device = device_of(settings.device)
    with memory_of(source, device), quiet():
        tokenizer = tokenizer_of(source, settings)
        model = _model(source, settings, masked, device)
    return described(source, tokenizer, model, masked)


def described(source: Source, tokenizer: Any, model: Any, masked: bool) -> LM:
    """Return a model with what is known of it."""
    before, after = around(tokenizer)
    table = model.get_input_embeddings().weight
    return LM(
        model=model,
        tokenizer=tokenizer,
        source=source,
        masked=masked,
        context=_context(model),
        device=table.device,
        dtype=model.dtype,
        vocabulary=_rows(model),
        before=before,
        after=after,
        ends=_ends(model, tokenizer),
        pad=_pad(tokenizer, len(table)),
    )


def _model(source: Source, settings: LMSettings, masked: bool, device: str) -> PreTrainedModel:
    """Return the model on its device."""
    import transformers

    automatic = transformers.AutoModelForMaskedLM if masked else transformers.AutoModelForCausalLM
    model, report = automatic.from_pretrained(
        source.folder,
        dtype=dtype_of(settings, device),
        device_map="auto" if device == "auto" else None,
        trust_remote_code=settings.trust_remote_code,
        local_files_only=True,
        output_loading_info=True,
    )
    _check_whole(source, report)
    if device != "auto":
        model = model.to(device)
    return model.eval().requires_grad_(False)


def _check_whole(source: Source, report: Mapping[str, Any]) -> None:
    """Refuse weights from which some of the model's tensors are missing.

    Raises:
        EvollmError: By the name of the first.
    """
    if missing := sorted(report["missing_keys"]):
        raise EvollmError(
            f"the weights of {source.name} lack {missing[0]}"
            + (f" and {len(missing) - 1} more tensors" if len(missing) > 1 else "")
            + ": fetch it again, or name another model"
        )


def _context(model: Any) -> int:
    """Return the number of positions; RoBERTa and its kin use some for nothing else."""
    config = model.config.get_text_config()
    found = getattr(config, "max_position_embeddings", None) or UNBOUNDED
    positions = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    unused = getattr(positions, "padding_idx", None)
    return int(found) - (0 if unused is None else unused + 1)


def _rows(model: Any) -> int:
    head = model.get_output_embeddings()
    return int(model.config.get_text_config().vocab_size if head is None else head.weight.shape[0])


def _pad(tokenizer: Any, rows: int) -> int:
    """Return the tokenizer's token for padding if the model has it; some were added later."""
    found = tokenizer.pad_token_id
    return 0 if found is None or found >= rows else int(found)


def _ends(model: Any, tokenizer: Any) -> tuple[int, ...]:
    settings = getattr(model, "generation_config", None)
    named = getattr(settings, "eos_token_id", None)
    found = named if isinstance(named, list) else [named]
    return tuple(sorted({i for i in [*found, tokenizer.eos_token_id] if i is not None}))
