"""What written answers say: numbers, votes and sentences."""

from math import inf

from problems.prompts.data.answers import (
    exact_match,
    first_sentence,
    is_right,
    last_number,
    majority,
)


def test_the_last_number_is_the_answer() -> None:
    numbers = {
        "so 1,200 - 3 = 1,197.": 1197,
        "no digits": inf,
        "it is -3.5 degrees": -3.5,
        "7-3": 3,
        "1,2,3": 3,
        "1,234,567 in 2,50": 50,
        "$2.50.": 2.5,
        "The answer is 012": 12,
        "x2": 2,
    }
    assert {text: last_number(text) for text in numbers} == numbers


def test_numbers_are_compared_to_a_relative_millionth() -> None:
    assert is_right(1.833333, "1.8333333333333335")
    assert not is_right(1.83333, "1.8333333333333335")
    assert is_right(0, "0")
    assert not is_right(1e-9, "0")
    assert not is_right(inf, inf)


def test_most_samples_decide_and_the_earliest_among_equals() -> None:
    assert majority([1, 5, 5, 9]) == 5
    assert majority([2, 9, 9.000001, 2]) == 2
    assert majority([inf, inf, 3]) == 3
    assert majority([inf]) == majority([]) == inf


def test_exact_match_is_per_example() -> None:
    answers = [["it is 4", "it is 5", "5."], ["none"], ["1,000"]]
    assert exact_match(answers, ["5", "1", "1000"]) == (True, False, True)


def test_a_style_answer_is_cut_at_the_quote_and_after_the_first_sentence() -> None:
    texts = {
        'good food. also "x': "good food.",
        ' good "food. x': "good",
        "really? yes.": "really?",
        "no end ": "no end",
        '"': "",
    }
    assert {text: first_sentence(text) for text in texts} == texts
