"""What reads prompts: the interface of local models and of endpoints."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from numpy.typing import NDArray

from evollm.types import JSON
from problems.prompts.tokens import Mode, Tokenizer

Text: TypeAlias = str | Sequence[int]
"""A filled prompt: a text, or in the mode ``ids`` tokens without special ones around them."""


class Scores(NamedTuple):
    """How likely each label is after each text.

    Attributes:
        values: Logits or log-probabilities, of shape ``(texts, labels)``.
        tokens: How many tokens the model had to read: a shared beginning counts once, whatever was
            computed or cached.
        missing: After how many texts an endpoint did not list every label; such a label counts as
            the least likely of those listed.
    """

    values: NDArray[Any]
    tokens: int
    missing: int = 0


class Written(NamedTuple):
    """What a model wrote after each text.

    Attributes:
        samples: For each text its continuations.
        tokens: Those read, as for ``Scores``, and those written.
    """

    samples: list[list[str]]
    tokens: int


@runtime_checkable
class Reader(Protocol):
    """A model that scores labels after prompts, and continues prompts."""

    @property
    def name(self) -> str:
        """The model's name, for reports."""
        ...

    @property
    def modes(self) -> tuple[Mode, ...]:
        """How it can be given a pruned prompt."""
        ...

    @property
    def masked(self) -> bool:
        """Whether it answers in the place of a mask, rather than at the end."""
        ...

    @property
    def asks_model(self) -> bool | tuple[str, ...]:
        """Whether its calls are those of an endpoint, which budgets count; or the keys' names."""
        ...

    @property
    def fingerprint(self) -> Mapping[str, JSON]:
        """What identifies the model in a file."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        ...

    def prepare(self) -> None:
        """Load what has to be loaded, before anything is timed."""
        ...

    def check(
        self, texts: Sequence[Text], room: int, words: Sequence[str] = (), before: str = ""
    ) -> None:
        """Refuse what could not be scored, before anything is spent.

        Args:
            texts: Filled prompts.
            room: Tokens that an answer may take.
            words: The label words; none if answers are written.
            before: As for ``scores``.

        Raises:
            EvollmError: If a text is longer than the model's context, a word is not one token, two
                begin with the same one, or an endpoint does not say how likely they are.
        """
        ...

    def scores(self, texts: Sequence[Text], words: Sequence[str], before: str) -> Scores:
        """Return how likely each label word is after each text.

        Args:
            texts: One prompt, filled with each of several examples.
            words: The label words.
            before: What the whole prompt ends in, by which a word's token is found.

        Raises:
            EvollmError: If a word is not one token, or two begin with the same one.
        """
        ...

    def write(
        self, texts: Sequence[Text], limits: Sequence[int], stop: Sequence[str], samples: int
    ) -> Written:
        """Continue each text: greedily, or by drawing several samples.

        Args:
            texts: Filled prompts.
            limits: Most tokens to write after each.
            stop: Texts that end a continuation.
            samples: Continuations of each text; with more than one they are drawn.
        """
        ...
