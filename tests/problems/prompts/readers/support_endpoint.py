"""A tiny tokenizer in a file, and a task that an endpoint's lists of tokens can answer."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from problems.prompts.data.example import Example
from problems.prompts.data.splits import Splits
from problems.prompts.data.task import Task
from problems.prompts.fitness import PromptFitness
from problems.prompts.readers.reader import Reader
from problems.prompts.tokens import Prompt
from tests.evollm.llm.support_faulty import Act, Seen, complain, say

BLOCK = "Text: {sentence_1}\nGood:"
PROMPT = f"Say yes or no.\n\nText: so fine\nGood: yes\n\n{BLOCK}"
WORDS = "yes no maybe Text Good Say or so fine bad film {sentence_1} unbreakable"
Lists = Callable[[Seen], Mapping[str, float]]


def tokenizer_file(folder: Path, blank: str = "Ġ") -> str:
    """Write a tokenizer.json whose words are tokens with this mark for the blank before them."""
    made = Tokenizer(models.BPE())
    alphabet: list[str] = []
    if blank == "Ġ":
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        made.decoder = decoders.Metaspace()
    spaced = [f" {word}" for word in WORDS.split()[:-1] for _ in range(5)]
    trainer = trainers.BpeTrainer(
        vocab_size=330, initial_alphabet=alphabet, show_progress=False, special_tokens=["<s>"]
    )
    made.train_from_iterator([*spaced, *WORDS.split()[:-1], f"{PROMPT} .!"], trainer)
    path = folder / "tokenizer.json"
    made.save(str(path))
    return str(path)


def task(count: int = 4) -> Task:
    """Return a task of two labels, ``no`` and ``yes``, with examples to search with alone."""
    examples = tuple(
        Example(
            {"sentence_1": f"{'bad' if place % 2 == 0 else 'fine'} film{'!' * place}"}, place % 2
        )
        for place in range(count)
    )
    return Task("mood", "classification", ("no", "yes"), BLOCK, splits=Splits(search=examples))


def problem(reader: Reader, count: int = 4) -> PromptFitness:
    """Return the fitness of a prompt of that task."""
    mood = task(count)
    prompt = Prompt.of(mood.template(PROMPT), reader.tokenizer)
    return PromptFitness(prompt, mood, reader)


def right(seen: Seen) -> Mapping[str, float]:
    """List the right label first, and the shorter the prompt the clearer."""
    fine = seen.prompt.rpartition("Text:")[2].count("fine") > 0
    doubt = len(seen.prompt) / 1000
    likely, unlikely = (" yes", " no") if fine else (" no", " yes")
    return {likely: -0.1 - doubt, " the": -2.0, unlikely: -3.0 + doubt, " maybe": -5.0}


def listing(lists: Lists = right) -> Callable[[Seen], Act]:
    """Answer as an endpoint that lists these tokens, in the form of the path."""

    def script(seen: Seen) -> Act:
        found = dict(lists(seen))
        first = max(found, key=lambda text: found[text])
        if not seen.path.endswith("/chat/completions"):
            plain = {"tokens": [first], "token_logprobs": [found[first]], "top_logprobs": [found]}
            return say(first, seen, finish="length", logprobs=plain)
        tops = [{"token": text, "logprob": value} for text, value in found.items()]
        content = [{"token": first, "logprob": found[first], "top_logprobs": tops}]
        return say(first, seen, finish="length", logprobs={"content": content})

    return script


def prompts(seen: Sequence[Seen]) -> list[str]:
    """Return the filled prompts that a server saw, without probes."""
    return [one.prompt for one in seen if "Good:" in one.prompt]


def faulty(script: Callable[[Seen], Act], *statuses: int) -> Callable[[Seen], Act]:
    """Refuse each filled prompt at first, once with each status."""
    refused: dict[str, list[int]] = {}

    def act(seen: Seen) -> Act:
        left = refused.setdefault(seen.prompt, list(statuses) if "Good:" in seen.prompt else [])
        return complain(left.pop(0)) if left else script(seen)

    return act


def nothing_listed(seen: Seen) -> Act:
    """Answer as an endpoint that knows no log-probabilities."""
    return say(" yes", seen)


def written(*answers: tuple[str, str]) -> Callable[[Seen], Act]:
    """Give the answers with their reasons to end, in the order of the prompts' numbers."""

    def script(seen: Seen) -> Act:
        number = [part for part in seen.prompt.split() if part.isdigit()]
        text, finish = answers[int(number[0])] if number else ("hello", "stop")
        return say(text, seen, finish=finish)

    return script


def settings(**chosen: Any) -> dict[str, Any]:
    """Return an endpoint's settings for tests: short waits, few attempts."""
    return {"retries": 3, "first_wait_s": 0.001, "max_wait_s": 5.0, **chosen}
