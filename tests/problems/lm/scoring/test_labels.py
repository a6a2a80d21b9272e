"""Label words as ids: those that a prompt's answer would have, or a sentence that says why not."""

import pytest
from transformers import PreTrainedTokenizerFast

from evollm.errors import EvollmError
from problems.lm import LM, load
from problems.lm.scoring import label_ids
from problems.lm.tokens import ids_of
from tests.problems.lm.conftest import Make
from tests.problems.lm.support_tiny import tokenizer


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    """A tokenizer that knows these words, with and without a blank."""
    made = tokenizer(name_or_path="tiny")
    made.add_tokens([" good", " bad", "good", "bad"])
    return made


def id_of(words: PreTrainedTokenizerFast, token: str) -> int:
    return int(words.convert_tokens_to_ids(token))


def test_a_word_has_the_id_that_it_has_in_the_text(words: PreTrainedTokenizerFast) -> None:
    blank, bare = ([id_of(words, mark + word) for word in ("bad", "good")] for mark in (" ", ""))
    assert list(label_ids(words, ["bad", "good"], "Mood:")) == blank
    assert list(label_ids(words, ["bad", "good"], "Mood: ")) == bare
    assert list(label_ids(words, ["bad", "good"], "Mood:\n")) == bare
    assert list(label_ids(words, ["bad", "good"], "")) == bare


def test_words_of_several_tokens(words: PreTrainedTokenizerFast) -> None:
    with pytest.raises(EvollmError, match=r"'goodish' is \d tokens to the tokenizer of tiny"):
        label_ids(words, ["bad", "goodish"], "Mood:")
    good, bad = id_of(words, " good"), id_of(words, " bad")
    assert label_ids(words, ["bad", "goodish"], "Mood:", "first_token") == (bad, good)
    one, several = label_ids(words, ["bad", "goodish"], "Mood:", "sequence")
    assert one == (bad,)
    assert isinstance(several, tuple)
    assert words.decode(several) == " goodish"


def test_words_that_begin_with_the_same_token(words: PreTrainedTokenizerFast) -> None:
    with pytest.raises(EvollmError, match="'good' and 'goodish' begin with the same token ' good'"):
        label_ids(words, ["good", "goodish"], "Mood:", "first_token")
    good, whole = label_ids(words, ["good", "goodish"], "Mood:", "sequence")
    assert good != whole
    with pytest.raises(EvollmError, match="'good' and 'good' are the same"):
        label_ids(words, ["good", "good"], "Mood:", "sequence")


def test_words_without_a_token_of_their_own(words: PreTrainedTokenizerFast) -> None:
    with pytest.raises(EvollmError, match=r"'' has no token of its own behind 'Mood:\\n'"):
        label_ids(words, ["bad", ""], "Mood:\n")
    words.add_tokens([": good"])
    with pytest.raises(EvollmError, match="'good' has no token of its own behind 'Tone:'"):
        label_ids(words, ["good"], "Tone:")
    words.add_tokens([" odd"])
    words.unk_token = " odd"
    with pytest.raises(EvollmError, match="'odd' is unknown to the tokenizer of tiny"):
        label_ids(words, ["odd"], "Mood")
    with pytest.raises(EvollmError, match="at least one label word"):
        label_ids(words, [], "Mood:")


def test_a_mask_stands_for_a_word_with_its_blank(make: Make, lm: LM) -> None:
    with pytest.raises(EvollmError, match=rf"the tokenizer of {lm.name}"):
        label_ids(lm, ["wonder"], "It's a")
    named = label_ids(make("bert"), ["a", "the"], "It's ", "first_token")
    assert named == label_ids(lm, ["a", "the"], "It's", "first_token")
    assert named != label_ids(lm, ["a", "the"], "It's ", "first_token")


@pytest.mark.model
def test_the_offline_models_label_words() -> None:
    lm = load()
    right = tuple(ids_of(lm, f" {word}")[0] for word in ("terrible", "great"))
    assert label_ids(lm, ["terrible", "great"], "Sentiment:") == right
    with pytest.raises(EvollmError, match=r"'terrible' is 2 tokens to the tokenizer of offline"):
        label_ids(lm, ["terrible", "great"], "Sentiment: ")
