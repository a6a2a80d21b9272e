"""Tokens: characters of ids, clean-up, and windows."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer, WordPieceTrainer
from transformers import PreTrainedTokenizerFast

from evollm.errors import EvollmError
from problems.lm import LM
from problems.lm.tokens import decode, encode, ids_of, windows
from tests.problems.lm.support_tiny import TEXT
from tests.support_each import each

TALK = "Don't ask , it 's here . Is n't it ?"
ODD = "a  b\n\n c é東🎉 \t"


class Slow:
    """A tokenizer without offsets, otherwise as a fast one."""

    is_fast = False

    def __init__(self, fast: Any, spelling: str = "") -> None:
        self.fast, self.spelling = fast, spelling

    def __call__(self, text: str, **named: Any) -> Any:
        return self.fast(text, **named)

    def decode(self, ids: Iterable[int], **named: Any) -> str:
        return self.fast.decode(ids, **named) + self.spelling


def wordpiece() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece(cleanup=True)
    trainer = WordPieceTrainer(vocab_size=200, special_tokens=["[UNK]"], show_progress=False)
    made.train_from_iterator([TEXT, TALK], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]")


def sentencepiece() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    made.decoder = decoders.Sequence([*parts, decoders.Strip(" ", 1, 0)])
    special = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = BpeTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    made.train_from_iterator([TEXT, TALK], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")


def spelt(text: str, lm: LM) -> str:
    """Put the characters of all spans together, each once."""
    found, end = "", 0
    for start, stop in encode(lm, text).spans:
        assert start <= stop
        found += text[max(start, end) : stop]
        end = max(end, stop)
    return found


def test_ids_have_no_special_tokens_around(lm: LM) -> None:
    encoded = encode(lm, "The harbour")
    assert encoded.ids == ids_of(lm, "The harbour")
    assert not {*lm.before, *lm.after} & {*encoded.ids}
    assert len(encoded.ids) == len(encoded.spans)


def test_words_own_the_blank_before_them(lm: LM) -> None:
    text = "the harbour"
    assert text.index(" ") in [start for start, _ in encode(lm, text).spans]
    trimming = lm.tokenizer.__class__(tokenizer_object=Tokenizer.from_str(_trimming(lm)))
    assert encode(replace(lm, tokenizer=trimming), text) == encode(lm, text)
    words = replace(lm, tokenizer=wordpiece())
    assert spelt("A small , word", words) == "A small , word"


def _trimming(lm: LM) -> str:
    made = Tokenizer.from_str(lm.tokenizer.backend_tokenizer.to_str())
    made.post_processor = processors.ByteLevel(trim_offsets=True)
    return str(made.to_str())


@given(st.text(st.sampled_from(ODD), max_size=12))
def test_spans_cover_the_text_and_slow_tokenizers_agree(lm: LM, text: str) -> None:
    assert spelt(text, lm) == text
    assert decode(lm, encode(lm, text).ids) == text
    slow = replace(lm, tokenizer=Slow(lm.tokenizer))
    assert spelt(text, slow) == text
    assert encode(slow, text).ids == encode(lm, text).ids


def test_slow_spans_are_those_of_the_fast_tokenizer(lm: LM) -> None:
    assert encode(replace(lm, tokenizer=Slow(lm.tokenizer)), TALK) == encode(lm, TALK)
    pieces = sentencepiece()
    slow = replace(lm, tokenizer=Slow(pieces))
    assert encode(slow, TALK) == encode(replace(lm, tokenizer=pieces), TALK)


def test_slow_tokenizers_that_do_not_spell_the_text_are_refused(lm: LM) -> None:
    slow = replace(lm, tokenizer=Slow(lm.tokenizer, spelling="!"))
    with pytest.raises(EvollmError, match="name a model with a fast tokenizer"):
        encode(slow, TALK)


@each("configured", [False, True])
def test_clean_up_is_ours_to_say(lm: LM, configured: bool) -> None:
    lm.tokenizer.clean_up_tokenization_spaces = configured
    ids = ids_of(lm, TALK)
    assert decode(lm, ids) == TALK
    assert decode(lm, ids, clean=True) == "Don't ask, it's here. Isn't it?"


def test_wordpiece_keeps_its_blanks_too(lm: LM) -> None:
    words = replace(lm, tokenizer=wordpiece())
    ids = ids_of(words, "A small word, here.")
    assert decode(words, ids) == "a small word , here ."
    assert decode(words, ids, clean=True) == "a small word, here."


def test_windows_come_from_many_documents_and_never_overlap(lm: LM) -> None:
    documents = [f"{word} " * 40 for word in ("harbour", "theatre", "stones", "boats")]
    found = windows(lm, [*documents, "short"], count=6, length=20, seed=1)
    assert found.shape == (6, 20)
    assert (found[:, 0] == lm.before[0]).all()
    texts = [decode(lm, row[1:]) for row in found]
    sources = [next(d for d in documents if text[:12] in d) for text in texts]
    assert len(set(sources[:4])) == 4
    for text, document in zip(texts[:4], sources, strict=False):
        assert document.startswith(text)
    assert texts[4] != texts[sources.index(sources[4])]
    again = windows(lm, [*documents, "short"], count=6, length=20, seed=1)
    assert (found == again).all()
    assert (found != windows(lm, [*documents, "short"], count=6, length=20, seed=2)).any()


def test_windows_that_cannot_be_cut(lm: LM) -> None:
    with pytest.raises(EvollmError, match="the text hold 1 windows of 20 tokens, and 2 are"):
        windows(lm, ["é" * 12, "short"], count=2, length=20, seed=0)
    for length in (2, 129):
        with pytest.raises(EvollmError, match="length must be 3 to 128 tokens"):
            windows(lm, [TEXT], count=1, length=length, seed=0)
    with pytest.raises(EvollmError, match="count must be a whole number"):
        windows(lm, [TEXT], count=0, length=20, seed=0)
