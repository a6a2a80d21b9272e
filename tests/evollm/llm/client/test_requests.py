"""Requests: what is refused before anything is sent, and numbers of NumPy in the key."""

import numpy as np
import pytest

from evollm.llm.base import ModelError, Sampling
from evollm.llm.client.requests import Ask, check
from tests.support_each import each


@each(
    ("wrong", "message"),
    [
        ({"seed": "a"}, "seed must be a whole number or None, not 'a'"),
        ({"seed": 1.5}, "seed must be a whole number or None, not 1.5"),
        ({"seed": True}, "seed must be a whole number or None, not True"),
        ({"temperature": "hot"}, "temperature must be a finite number, 0 or more, not 'hot'"),
        ({"temperature": float("nan")}, "temperature must be a finite number, 0 or more, not nan"),
        ({"temperature": float("inf")}, "temperature must be a finite number, 0 or more, not inf"),
        ({"max_tokens": 0}, "max_tokens must be a whole number, 1 or more, not 0"),
        ({"max_tokens": 1.5}, "max_tokens must be a whole number, 1 or more, not 1.5"),
        ({"top_logprobs": -1}, "top_logprobs must be a whole number, 0 or more, not -1"),
        ({"stop": 5}, r"stop must be strings, none of them empty, not \(5,\)"),
        ({"stop": ["a", ""]}, r"stop must be strings, none of them empty, not \('a', ''\)"),
    ],
    ids=str,
)
def test_wrong_options_are_refused_by_name(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check(["a prompt"], Sampling(**wrong), 1)  # type: ignore[arg-type]


def test_a_wrong_number_of_samples_is_refused() -> None:
    with pytest.raises(ModelError, match="n must be a whole number, 1 or more, not 0"):
        check(["a prompt"], Sampling(), 0)


def test_numbers_of_numpy_are_the_same_request() -> None:
    drawn = Sampling(temperature=np.float64(0.5), max_tokens=np.int32(5), seed=np.int64(4))
    check(["a prompt"], drawn, 1)
    plain = Sampling(temperature=0.5, max_tokens=5, seed=4)
    assert Ask("m", "e", "a prompt", drawn).key == Ask("m", "e", "a prompt", plain).key
