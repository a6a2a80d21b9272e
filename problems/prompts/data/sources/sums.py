"""Word problems of one addition each, made by rule: the data of a reasoning task."""

import random
from collections.abc import Iterator
from itertools import combinations

from problems.prompts.data.example import Example

LEAST, MOST = 2, 60
"""The range of the two numbers, which differ; no two problems have the same pair."""
_NAMES = ("Anna", "Ben", "Clara", "David", "Eva", "Felix", "Grace", "Henry", "Ida", "Jonas")
_THINGS = ("apples", "books", "coins", "marbles", "pens", "shells", "stamps", "tickets")
_STORIES = (
    "{name} has {a} {things} and buys {b} more. How many {things} does {name} have now?",
    "{name} finds {a} {things} on Monday and {b} on Tuesday. How many {things} is that?",
    "There are {a} {things} in one box and {b} in another. How many {things} are there?",
    "{name} owns {a} {things}. A friend brings {b} more. How many {things} are there together?",
    "A shop sells {a} {things} before noon and {b} after it. How many {things} does it sell?",
    "{name} packed {a} {things} and then {b} more. How many {things} did {name} pack?",
)


def sums(seed: int = 0) -> Iterator[Example]:
    """Yield a word problem for each pair of numbers, in a shuffled order.

    Args:
        seed: Of the order, the story and its words.
    """
    draw = random.Random(seed)
    pairs = list(combinations(range(LEAST, MOST + 1), 2))
    draw.shuffle(pairs)
    for number, pair in enumerate(pairs, 1):
        a, b = draw.sample(pair, 2)
        story = draw.choice(_STORIES).format(
            a=a, b=b, name=draw.choice(_NAMES), things=draw.choice(_THINGS)
        )
        worked = f"{a} + {b} = {a + b}. The answer is {a + b}."
        yield Example(
            {"sentence_1": story}, None, str(a + b), worked, source="sums", lines=(number,)
        )
