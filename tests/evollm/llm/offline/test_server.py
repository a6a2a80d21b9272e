"""What the offline model's server does for the ordinary client."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import exp
from typing import Any

import openai
import pytest
from openai.types import Completion

from tests.support_each import each

pytestmark = pytest.mark.model
DIGITS = 'root ::= [0-9] [0-9] "," [0-9] [0-9]'
STORY = "Once upon a time"


def plain(client: openai.OpenAI, prompt: str, **options: Any) -> Completion:
    options = {"max_tokens": 12, "temperature": 0, **options}
    answer: Completion = client.completions.create(model="offline", prompt=prompt, **options)
    return answer


def chat(client: openai.OpenAI, text: str, **options: Any) -> Any:
    messages: Any = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="offline", messages=messages, **options)


def test_continues_a_text(client: openai.OpenAI) -> None:
    answer = plain(client, "The capital of France is")
    assert answer.choices[0].text.startswith(" Paris")
    assert answer.choices[0].finish_reason == "length"


def test_answers_a_message(client: openai.OpenAI) -> None:
    answer = chat(client, "What is 2+2?", max_tokens=40, temperature=0)
    assert "4" in answer.choices[0].message.content


def test_counts_tokens(client: openai.OpenAI) -> None:
    short = plain(client, "one two three", max_tokens=5).usage
    long = plain(client, "one two three one two three", max_tokens=5).usage
    assert short is not None
    assert long is not None
    assert long.prompt_tokens - short.prompt_tokens == 3
    assert short.completion_tokens == long.completion_tokens == 5


@each("seed", range(4))
def test_grammar_holds(client: openai.OpenAI, seed: int) -> None:
    options = {"temperature": 2.0, "seed": seed, "extra_body": {"grammar": DIGITS}}
    answer = plain(client, STORY, **options)
    x, y = answer.choices[0].text.split(",")
    assert len(x) == len(y) == 2
    assert (x + y).isdecimal()
    assert answer.choices[0].finish_reason == "stop"


@each("seed", range(3))
def test_schema_holds(client: openai.OpenAI, seed: int) -> None:
    point = {"type": "integer", "minimum": 0, "maximum": 99}
    schema = {
        "type": "object",
        "properties": {"x": point, "y": point},
        "required": ["x", "y"],
        "additionalProperties": False,
    }
    answer = chat(
        client,
        "Tell me a story.",
        max_tokens=100,
        temperature=1.5,
        seed=seed,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "point", "schema": schema, "strict": True},
        },
    )
    value = json.loads(answer.choices[0].message.content)
    assert sorted(value) == ["x", "y"]
    assert all(0 <= value[name] <= 99 for name in value)


def test_log_probabilities(client: openai.OpenAI) -> None:
    answer: Any = plain(client, STORY, logprobs=5)
    tokens = answer.choices[0].logprobs.content
    assert "".join(token["token"] for token in tokens) == answer.choices[0].text
    for token in tokens:
        tops = [top["logprob"] for top in token["top_logprobs"]]
        assert len(tops) == 5
        assert tops == sorted(tops, reverse=True)
        assert token["logprob"] == tops[0]  # greedy
        assert sum(map(exp, tops)) <= 1 + 1e-6


def test_seed_decides(client: openai.OpenAI) -> None:
    texts = [
        plain(client, STORY, temperature=1, seed=seed).choices[0].text for seed in (1, 1, 2, 3)
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3


def test_stops(client: openai.OpenAI) -> None:
    answer = plain(client, "1\n2\n3\n4\n", max_tokens=30, stop=["7"])
    assert answer.choices[0].text == "5\n6\n"
    assert answer.choices[0].finish_reason == "stop"


def test_known_prefix_is_not_read_again(client: openai.OpenAI) -> None:
    prompt = " ".join(f"{i} is a number." for i in range(60))
    plain(client, prompt, max_tokens=1)
    usage = plain(client, f"{prompt} And", max_tokens=1).usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens is not None
    assert usage.prompt_tokens_details.cached_tokens >= 0.9 * usage.prompt_tokens


def test_eight_at_a_time(client: openai.OpenAI) -> None:
    def texts(prompts: Sequence[str]) -> list[str]:
        with ThreadPoolExecutor(8) as pool:
            return [
                answer.choices[0].text
                for answer in pool.map(lambda prompt: plain(client, prompt, max_tokens=4), prompts)
            ]

    prompts = [f"{i}, {i + 1}, {i + 2}, {i + 3}," for i in range(10, 26)]
    hits = [str(i + 4) in text for i, text in zip(range(10, 26), texts(prompts), strict=True)]
    assert sum(hits) >= 14  # answers go to whom they belong


def test_long_prompts_fit_and_longer_ones_are_refused(client: openai.OpenAI) -> None:
    usage = plain(client, "a b" * 800, max_tokens=1).usage
    assert usage is not None
    assert usage.prompt_tokens > 1500 / 2
    with pytest.raises(openai.BadRequestError, match="exceeds the available context size"):
        plain(client, "a b c d " * 800, max_tokens=1)


def test_wrong_token_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        plain(client.with_options(api_key="wrong"), STORY)
