"""A model behind an OpenAI-compatible endpoint that reads prompts, and lists log-probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evollm.checks import positive
from evollm.errors import EvollmError
from evollm.llm.base import Completion, LanguageModel, Mode, Sampling
from evollm.llm.client.contexts import REFUSED
from evollm.llm.transport.keys import variables
from evollm.types import JSON
from problems.lm.scoring import LabelScorer
from problems.lm.settings import LMSettings
from problems.prompts.readers.listing import label_values, listed
from problems.prompts.readers.reader import Scores, Text, Written
from problems.prompts.readers.vocabulary import Vocabulary
from problems.prompts.tokens import Mode as PromptMode

KEY = "OPENAI_API_KEY"
STEP = 32
"""Limits of answers are rounded up to multiples of it, so that few calls serve many limits."""


@dataclass(frozen=True, init=False)
class EndpointReader:
    """Reads with a model behind an endpoint, asked for the likeliest next tokens.

    A label's score is the log-probability that the endpoint lists for its token; a label that is
    not listed counts as the least likely token that is. Tokens are counted by the tokenizer, not by
    the endpoint, so that a budget ends at the same place whatever the endpoint adds or caches.

    Attributes:
        model: Who answers, such as ``evollm.llm.connect.connect`` returns.
        tokenizer: Cuts prompts into tokens.
        top: How many tokens the endpoint is to list.
        chat: Whether a filled prompt is sent as a user's message, for endpoints that do not
            continue texts: the answer then begins at the label word, without a blank.
        seed: Of what is drawn where several samples are written.
    """

    model: LanguageModel
    tokenizer: Vocabulary
    top: int
    chat: bool
    seed: int
    modes: ClassVar[tuple[PromptMode, ...]] = ("text", "text_cleaned")
    masked: ClassVar[bool] = False

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: str | Vocabulary,
        *,
        top: int = 20,
        chat: bool = False,
        seed: int = 0,
        settings: LMSettings = LMSettings(),
    ) -> None:
        """Prepare; nothing is loaded or asked yet.

        Args:
            model: Who answers.
            tokenizer: The name of that model's tokenizer: ``"hf:OWNER/MODEL"``, a folder, a
                ``tokenizer.json``, a GGUF file, or ``"offline"``.
            top: How many tokens the endpoint is to list; some list 5 at most, many 20.
            chat: See the class.
            seed: See the class.
            settings: How the tokenizer is loaded.

        Raises:
            EvollmError: If the model can't be asked, or ``top`` is not positive.
        """
        if not isinstance(model, LanguageModel):
            raise EvollmError(
                f"{model!r} is not a language model: give what evollm.llm.connect.connect returns"
            )
        positive(top=top)
        named = Vocabulary(tokenizer, settings) if isinstance(tokenizer, str) else tokenizer
        given = {"model": model, "tokenizer": named, "top": top, "chat": chat, "seed": seed}
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def asks_model(self) -> bool | tuple[str, ...]:
        """Which keys its calls need: the usual one, and those that the model's settings name."""
        settings: Any = getattr(self.model, "settings", None)
        named = variables(settings.headers, settings.query) if settings else ()
        return (KEY, *named) if named else True

    @property
    def fingerprint(self) -> Mapping[str, JSON]:
        """The model's name, the way it is asked, and what identifies the tokenizer."""
        asked = "chat" if self.chat else "plain"
        tokenizer = dict(self.tokenizer.tokens.fingerprint)
        return {"name": self.name, "mode": asked, "tokenizer": tokenizer}

    def prepare(self) -> None:
        """Load the tokenizer."""
        _ = self.tokenizer.tokens

    def check(
        self, texts: Sequence[Text], room: int, words: Sequence[str] = (), before: str = ""
    ) -> None:
        """Refuse an endpoint or texts with which nothing could be scored; see ``Reader``.

        What the endpoint can do is found out by a small request or two, unless it is known.
        """
        if words:
            self._spellings(words, before)
        self._check_lengths(texts, room)
        sampling = self._asking(self.top) if words else self._asking()
        if (check := getattr(self.model, "check", None)) is not None:
            check(sampling)
        elif words and texts:
            [[tried]] = self._complete(texts[:1], sampling)
            if not (tried.tokens and tried.tokens[0].top):
                raise EvollmError(
                    f"the model {self.name} returns no log-probabilities, by which labels are "
                    "scored: use an endpoint that does, or a model in this process"
                )

    def scores(self, texts: Sequence[Text], words: Sequence[str], before: str) -> Scores:
        """Return the log-probabilities of the label words after each text; see ``Reader``."""
        answers = self._complete(texts, self._asking(self.top))
        spellings = self._spellings(words, before)
        found = label_values([listed(one) for [one] in answers], spellings, loose=self.chat)
        missing = int(np.isnan(found.values).any(axis=1).sum())
        return Scores(found.filled, self._nominal(texts), missing)

    def write(
        self, texts: Sequence[Text], limits: Sequence[int], stop: Sequence[str], samples: int
    ) -> Written:
        """Continue each text; see ``Reader``.

        An answer that was cut off counts, and one that must not be used for another reason does
        not; if none of a text's samples counts, it has an empty one.
        """
        made: list[list[str]] = [[] for _ in texts]
        for most in sorted({_rounded(limit) for limit in limits}):
            places = [i for i, limit in enumerate(limits) if _rounded(limit) == most]
            sampling = self._asking(0, most, tuple(stop), samples)
            answers = self._complete([texts[place] for place in places], sampling, samples)
            for place, several in zip(places, answers, strict=True):
                found = [one.text for one in several if one.error is None] or [""]
                made[place] = [self.tokenizer.first(text, limits[place]) for text in found]
        written = sum(len(self.tokenizer.encode(text)) for several in made for text in several)
        return Written(made, self._nominal(texts) + written)

    def _asking(
        self, top: int = 0, most: int = 1, stop: Sequence[str] = (), samples: int = 1
    ) -> Sampling:
        mode: Mode = "chat" if self.chat else "plain"
        return Sampling(
            temperature=float(samples > 1),
            max_tokens=most,
            stop=stop,
            mode=mode,
            top_logprobs=top,
            seed=self.seed if samples > 1 else None,
            partial=True,
        )

    def _complete(
        self, texts: Sequence[Text], sampling: Sampling, samples: int = 1
    ) -> list[list[Completion]]:
        """Ask for all texts at once.

        Raises:
            EvollmError: If one is not answered: what was answered is recorded, and is not asked
                again when the run is resumed.
            ValueError: If the endpoint does not take one of the texts, which is that text's matter.
        """
        found = self.model.complete([_text(text) for text in texts], sampling, samples)
        for one in (one for several in found for one in several):
            if one.answered:
                continue
            if str(one.error).startswith(REFUSED):
                raise ValueError(one.error)
            raise EvollmError(
                f"the model {self.name} did not answer a filled prompt ({one.error}): resume the "
                "run when it does, what it answered is kept"
            )
        return found

    def _spellings(self, words: Sequence[str], before: str) -> Any:
        return self.tokenizer.spellings(words, "" if self.chat else before)

    def _check_lengths(self, texts: Sequence[Text], room: int) -> None:
        context = getattr(self.model, "context", None)
        longest = max((len(self.tokenizer.ids(_text(text))) for text in texts), default=0)
        if context is not None and longest + room > context:
            raise EvollmError(
                f"the prompt takes {longest} tokens with its longest example, and the answer "
                f"{room}, but {self.name} reads {context}: give fewer demonstrations"
            )

    def _nominal(self, texts: Sequence[Text]) -> int:
        return LabelScorer.nominal([self.tokenizer.ids(_text(text)) for text in texts])


def _text(text: Text) -> str:
    assert isinstance(text, str)  # the modes that this reader takes are texts
    return text


def _rounded(limit: int) -> int:
    return -(-limit // STEP) * STEP
