"""A model in this process that reads prompts: one of Hugging Face's, or the offline one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

from evollm.errors import EvollmError
from evollm.types import JSON
from problems.lm.generation import Decoding, generate
from problems.lm.load import LM, load
from problems.lm.scoring import Label, LabelScorer, label_ids
from problems.lm.settings import LMSettings
from problems.lm.tokens import decode, encode, ids_of
from problems.prompts.readers.reader import Scores, Text, Written
from problems.prompts.tokens import Mode, Tokenizer


@dataclass(frozen=True)
class LocalReader:
    """Reads with a causal or masked model in torch, loaded once per process.

    Attributes:
        model: As in ``problems.lm.load.load``; None for the offline model.
        settings: How it is loaded.
        seed: Of what is drawn where several samples are written.
    """

    model: str | None = None
    settings: LMSettings = field(default_factory=LMSettings)
    seed: int = 0
    modes: ClassVar[tuple[Mode, ...]] = ("text", "text_cleaned", "ids")
    asks_model: ClassVar[bool] = False

    @property
    def lm(self) -> LM:
        """The model, loaded on first use."""
        return _loaded(self.model, self.settings)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model or "offline"

    @property
    def masked(self) -> bool:
        """Whether it fills in a mask."""
        return self.lm.masked

    @property
    def fingerprint(self) -> Mapping[str, JSON]:
        """Name, commit and SHA-256 of the model."""
        return self.lm.fingerprint

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer: the reader itself, which loads it."""
        return self

    @property
    def mask(self) -> str:
        """The mask of a masked model."""
        return str(self.lm.tokenizer.mask_token or "")

    def encode(self, text: str) -> list[tuple[int, int, int]]:
        """Return ids with the characters that they stand for."""
        found = encode(self.lm, text)
        return [(token, *span) for token, span in zip(found.ids, found.spans, strict=True)]

    def decode(self, ids: Sequence[int], clean: bool = False) -> str:
        """Return the text of tokens."""
        return decode(self.lm, ids, clean)

    def prepare(self) -> None:
        """Load the model."""
        _loaded(self.model, self.settings)

    def check(
        self, texts: Sequence[Text], room: int, words: Sequence[str] = (), before: str = ""
    ) -> None:
        """Refuse labels of several tokens, and texts longer than the context; see ``Reader``."""
        lm = self.lm
        if words:
            _labels(lm, tuple(words), before)
        longest = max((len(ids) for ids in self._ids(texts)), default=0)
        if longest + room > lm.context:
            raise EvollmError(
                f"the prompt takes {longest} tokens with its longest example, and the answer "
                f"{room}, but {lm.name} reads {lm.context}: give fewer demonstrations"
            )

    def scores(self, texts: Sequence[Text], words: Sequence[str], before: str) -> Scores:
        """Return the logits of the label words after each text; see ``Reader``."""
        lm, ids = self.lm, self._ids(texts)
        labels = _labels(lm, tuple(words), before)
        return Scores(_scorer(lm, labels).score(ids), LabelScorer.nominal(ids))

    def write(
        self, texts: Sequence[Text], limits: Sequence[int], stop: Sequence[str], samples: int
    ) -> Written:
        """Continue each text; see ``Reader``."""
        decoding = Decoding(samples=samples, temperature=float(samples > 1))
        ids = self._ids(texts)
        made = generate(self.lm, ids, limits, stop=stop, decoding=decoding, seed=self.seed)
        tokens = sum(one.tokens for several in made for one in several)
        return Written(
            [[one.text for one in several] for several in made],
            tokens + LabelScorer.nominal(ids),
        )

    def _ids(self, texts: Sequence[Text]) -> list[list[int]]:
        lm = self.lm
        bare = [ids_of(lm, text) if isinstance(text, str) else text for text in texts]
        after = lm.after if lm.masked else ()  # the answer comes next, and not the text's end
        return [[*lm.before, *ids, *after] for ids in bare]


@lru_cache(maxsize=2)
def _loaded(model: str | None, settings: LMSettings) -> LM:
    return load(model, settings)


@lru_cache(maxsize=32)
def _labels(lm: LM, words: tuple[str, ...], before: str) -> tuple[Label, ...]:
    return label_ids(lm, words, before)


@lru_cache(maxsize=8)
def _scorer(lm: LM, labels: tuple[Label, ...]) -> LabelScorer:
    return LabelScorer(lm, labels)
