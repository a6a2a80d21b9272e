"""The three rules of survival and the tournament, on vectors worked out by hand."""

from collections import Counter

import numpy as np

from evollm.types import Candidate, Individual, Outcome
from problems.prompts.methods.survival import RULES, tournament


def one(name: str, fitness: float, birth: int, bound: bool = False) -> Individual[str]:
    return Individual(Candidate(birth, name, (), "", 0), Outcome(fitness, bound=bound))


A, B, C = one("A", 0.9, 2), one("B", 0.8, 0), one("C", 0.7, 1)
D, E, F, G = one("D", 0.5, 3), one("E", 0.95, 4), one("F", 0.8, 5), one("G", 0.8, 6)
GOLDEN = [
    ("window", [D, E, F], "EFC"),
    ("children", [D, E, F], "EFD"),
    ("age", [D, E, F], "EAF"),
    ("window", [D, E, F, G], "EFG"),
    ("children", [D, E, F, G], "EFG"),
    ("age", [D, E, F, G], "EFG"),
    ("window", [D], "ABC"),
    ("window", [], "ABC"),
    ("children", [D, E], "EAD"),
    ("children", [], "ABC"),
    ("age", [], "ABC"),
]


def test_golden_generations() -> None:
    for rule, born, expected in GOLDEN:
        found = RULES[rule]([A, B, C], born, 3, 4)  # type: ignore[index]
        assert "".join(each.genome for each in found) == expected, (rule, len(born))


def test_one_child_alone_competes_with_all_parents() -> None:
    for rule, expected in (("children", "ACD"), ("age", "ABC")):
        found = RULES[rule]([A, B, C], [D], 3, 4)  # type: ignore[index]
        assert "".join(each.genome for each in found) == expected


def test_partial_scores_rank_behind_whole_ones() -> None:
    partial = one("P", 0.8, 2, bound=True)
    for rule in RULES.values():
        assert [each.genome for each in rule([], [partial, F], 1, 4)] == ["F"]


def test_the_tournament_draws_a_share_and_prefers_the_first_of_equals() -> None:
    sizes = {1: 1, 9: 1, 10: 2, 30: 6, 50: 10, 79: 15, 80: 16}
    for size, drawn in sizes.items():
        rng, again = np.random.default_rng(1), np.random.default_rng(1)
        equals = [one(str(i), 1.0, i) for i in range(size)]
        [found] = tournament(0.2)(equals, 1, rng)
        assert found.genome == str(again.integers(size, size=(1, drawn))[0, 0])
    pool = [one(str(i), float(i), i) for i in range(30)]
    wins = Counter(each.genome for each in tournament(0.2)(pool, 20_000, np.random.default_rng(2)))
    assert abs(wins["29"] / 20_000 - 0.1841) < 0.01
