"""PromptQuine's search: generations, attempts that are used up, lineages, and its end."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evollm import Budget, EvollmError, Threads, run
from evollm.store import queries, rows
from evollm.types import Candidate, Individual, Offspring, Outcome
from operators.masks import Prune
from problems.prompts.methods import evolution
from problems.prompts.methods.evolution import RATES, Evolution, RandomPrunings
from problems.prompts.methods.method import length_of
from tests.problems.prompts.support_toy import Sums, toy

LETTERS = "abcdefghijklmnopqrst"
WEIGHTS = {letter: (7 * place) % 11 - 4.0 for place, letter in enumerate(LETTERS)}
SMALL = {"population": 4, "offspring": 8, "min_length": 3}


def found(letters: str = LETTERS, evaluations: int = 60, seed: int = 0, **chosen: Any) -> Any:
    problem = toy(Sums(WEIGHTS), letters)
    method = Evolution(**{**SMALL, **chosen})
    return run(method.flow(problem, seed), problem, budget=Budget(evaluations=evaluations))


class Draws:
    """An operator that drops given letters, one attempt after the other."""

    def __init__(self, *dropped: str) -> None:
        self.left = list(dropped)
        self.name = "draws"

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[Any]:
        """Return one child."""
        child = np.array(parents[0].genome)
        child[["abcdef".index(letter) for letter in self.left.pop(0)]] = False
        return Offspring([child], parents=[[0]])


def test_golden_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [
        ("generational", "living", "window", ["acdef", "acdef"], 4),
        ("generational", "ever", "children", ["acdef", "abdf"], 3),
        ("steady", "living", "window", ["acdef", "abdf"], 3),
    ]
    for form, duplicates, survival, expected, scored in cases:
        draws = Draws("b", "ce", "b")
        monkeypatch.setattr(evolution, "_prune", lambda _, draws=draws: draws)
        chosen = {"form": form, "duplicates": duplicates, "survival": survival}
        method = Evolution(population=2, offspring=3, min_length=1, **chosen)  # type: ignore[arg-type]
        problem = toy(Sums())
        result = run(method.flow(problem, 0), problem, budget=Budget(generations=1))
        texts = [
            problem.write(one.genome).removesuffix("{sentence_1}") for one in result.population
        ]
        assert (texts, result.usage.evaluations) == (expected, scored), (form, duplicates)
        assert result.population[0].fitness == 70


def test_mutation_sizes_are_those_that_leave_a_token() -> None:
    table = {5: (1, 4), 4: (1, 3), 3: (1, 2), 2: (1, 1)}
    for kept, (least, most) in table.items():
        parent = Individual(Candidate(0, np.ones(kept, dtype=bool), (), "", 0), Outcome(0))
        made = Prune().vary([parent], 3000, seed=1)
        sizes = [kept - int(child.sum()) for child in made.genomes]
        assert set(sizes) == set(range(least, most + 1))
        counts = np.bincount(sizes)[least:] / len(sizes)
        assert np.abs(counts - 1 / (most - least + 1)).max() < 0.04
    lost = (
        Prune()
        .vary(
            [Individual(Candidate(0, np.ones(2, dtype=bool), (), "", 0), Outcome(0))], 5000, seed=2
        )
        .rejected["nothing to prune"]
    )
    assert abs(lost / 5000 - 0.0563) < 0.01
    for bare in (np.ones(1, dtype=bool), np.zeros(3, dtype=bool)):
        parent = Individual(Candidate(0, bare, (), "", 0), Outcome(0))
        assert not Prune().vary([parent], 20, seed=1).genomes


def test_copies_of_one_prompt_are_scored_once_and_random_starts_once_each() -> None:
    copies = found(evaluations=1)
    assert (copies.usage.evaluations, copies.usage.memo, len(copies.population)) == (1, 3, 4)
    start = found(evaluations=5, start="random")
    texts = [one.text for one in rows.evaluations(start.record)]
    assert start.usage.evaluations == 5
    assert len(texts) == 5
    masks = RandomPrunings(1000).vary([], 400, 1).genomes
    dropped = {round(1 - mask.mean(), 2) for mask in masks}
    assert min(dropped) < 0.07
    assert max(dropped) > 0.18
    assert (len(RATES), RATES[0], RATES[-1]) == (10, 0.05, 0.2)
    assert all(mask.any() for mask in RandomPrunings(1).vary([], 50, 1).genomes)


def test_children_are_subsets_that_lack_one_to_four_tokens() -> None:
    for form in ("generational", "steady"):
        result = found(form=form, evaluations=200)
        for one in rows.evaluations(result.record):
            if not one.parents:
                continue
            parent = queries.candidate(result.record, one.parents[0])
            child, whole = np.asarray(one.genome), np.asarray(parent.genome)
            assert not (child & ~whole).any()
            assert 1 <= int(whole.sum() - child.sum()) <= 4


def test_no_living_prompt_twice_and_dead_ones_keep_their_score() -> None:
    problem = toy(judge := Sums(WEIGHTS), "abcdef")
    method = Evolution(population=4, offspring=30, min_length=2)
    result = run(method.flow(problem, 1), problem, budget=Budget(generations=4))
    assert len(judge.scored) == len(set(judge.scored)) == result.usage.evaluations
    assert result.usage.memo > 4
    texts = [problem.write(one.genome) for one in result.population]
    assert len(texts) == len(set(texts))


def test_the_search_ends_at_the_length_or_when_nothing_is_born() -> None:
    for form in ("generational", "steady"):
        ended = found(form=form, evaluations=10_000, min_length=6)
        assert "tokens on average (min_length=6)" in ended.stopped, form
        assert np.mean([length_of(one) for one in ended.population]) <= 6
        for letters in ("", "a", "ab", "abc"):
            short = found(letters, evaluations=500, min_length=0, form=form)
            assert "nothing new was bred" in short.stopped or "on average" in short.stopped, letters


def test_a_bar_keeps_prompts_off_the_second_half() -> None:
    problem = toy(judge := Sums(WEIGHTS), LETTERS, halving=True)
    method = Evolution(**SMALL)  # type: ignore[arg-type]
    result = run(method.flow(problem, 0), problem, budget=Budget(evaluations=80))
    outcomes = rows.evaluations(result.record)
    partial = [one for one in outcomes if one.bound]
    assert partial
    assert all(len(one.info["reward"]) == 1 for one in partial)
    assert all(len(one.info["reward"]) == 2 for one in outcomes if not one.bound)
    assert len(judge.scored) == 2 * len(outcomes) - len(partial)
    assert result.best is not None
    assert not result.best.outcome.bound


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    form=st.sampled_from(["generational", "steady"]),
    survival=st.sampled_from(["children", "window", "age"]),
    start=st.sampled_from(["copies", "random"]),
    duplicates=st.sampled_from(["ever", "living"]),
    length=st.integers(0, 12),
)
def test_properties_of_any_run(
    seed: int, form: str, survival: str, start: str, duplicates: str, length: int
) -> None:
    chosen = {"form": form, "survival": survival, "start": start, "duplicates": duplicates}
    result = found(LETTERS[:length], 40, seed, min_length=0, **chosen)
    assert result.usage.evaluations <= 40
    assert 0 < len(result.population) <= SMALL["population"]
    again = found(LETTERS[:length], 40, seed, min_length=0, **chosen)
    assert [one.text or one.fitness for one in rows.evaluations(result.record)] == [
        one.text or one.fitness for one in rows.evaluations(again.record)
    ]


def test_a_run_goes_on_where_its_record_stops(tmp_path: Path) -> None:
    for form in ("generational", "steady"):
        whole, parts = tmp_path / f"{form}1", tmp_path / f"{form}2"
        problem = toy(Sums(WEIGHTS), LETTERS)
        method = Evolution(**SMALL, form=form)  # type: ignore[arg-type]
        for path, evaluations in ((whole, 50), (parts, 13), (parts, 31), (parts, 50)):
            result = run(
                method.flow(problem, 3), problem, budget=Budget(evaluations=evaluations), path=path
            )
            if path is whole:
                expected = [(one.candidate, one.fitness) for one in rows.evaluations(result.record)]
        assert [(one.candidate, one.fitness) for one in rows.evaluations(result.record)] == expected


def test_lanes_score_children_side_by_side() -> None:
    problem = toy(Sums(WEIGHTS), LETTERS)
    method = Evolution(**SMALL, form="steady", lanes=3)  # type: ignore[arg-type]
    budget = Budget(evaluations=60)
    result = run(method.flow(problem, 0), problem, budget=budget, executor=Threads(3))
    assert result.usage.evaluations == 60
    with pytest.raises(EvollmError, match="lanes are of the steady form"):
        Evolution(lanes=2)


def test_bad_settings_are_refused() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"population": 0}, "population must be"),
        ({"tournament": 0}, "tournament must be above 0"),
        ({"survival": "elitist"}, "survival is one of children, window, age, not 'elitist'"),
        ({"fewest": 3, "most": 2}, "fewest must be at most 2, the value of most, not 3"),
        ({"most": 0}, "most must be a whole number, 1 or more, not 0"),
    ]
    for chosen, message in cases:
        with pytest.raises(EvollmError, match=message):
            Evolution(**chosen)
