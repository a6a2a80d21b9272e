"""Duplicates: what a child is compared with, and whether its attempt is used up."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget, EvollmError, Offspring, Outcome, run
from evollm.algorithms import Distinct, Mating, generational, one_plus_lambda, steady_state
from evollm.algorithms.duplicates import Scope
from evollm.algorithms.mating import Breeder
from evollm.search.flow import Flow, evaluate, seeded, survive, vary
from evollm.search.memo import Memo
from evollm.testing import FlowKit, Given, Trial
from tests.support_each import checks, each

TOKENS = 24
Mask = tuple[bool, ...]


class Sequel:
    """Makes given genomes, job after job, from the same list."""

    def __init__(self, *genomes: int) -> None:
        self.genomes = list(genomes)

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[int]:
        made, self.genomes = self.genomes[:n], self.genomes[n:]
        return Offspring(made)


def bred(scope: Any, *genomes: int, redraw: bool = True) -> list[list[int]]:
    """Return the children of two generations of three, from the living 1 and 2, then 1 alone."""
    found: list[list[int]] = []

    def flow() -> Flow:
        pool = yield from evaluate((yield from vary(Given((1, 2)), [], 2, 0)))
        key = Distinct(int, scope, redraw)
        breeder = Breeder(Mating(Sequel(*genomes), brood=3), seeded(1), key)
        for step, living in enumerate((pool, pool[:1]), 1):
            children = yield from breeder.breed(living, 3, step)
            found.append([child.genome for child in children])

    run(flow(), Trial())
    return found


@each(
    ("scope", "first", "second"),
    [
        ("run", [3], [4]),  # 2 lived once, and 3 was bred
        ("generation", [3, 1], [3, 4, 2]),
        ("living", [3, 3], [3, 4, 2]),
        (("living", "generation"), [3], [3, 4, 2]),
    ],
)
def test_the_scope_says_what_a_child_is_compared_with(
    scope: Scope, first: list[int], second: list[int]
) -> None:
    assert bred(scope, 3, 3, 1, 3, 4, 2, redraw=False) == [first, second]


def test_a_dropped_duplicate_is_drawn_again_unless_its_attempt_is_used_up() -> None:
    again = bred("living", 1, 2, 5, 6, 7, 8, 9, 3)
    assert again == [[5, 6, 7], [8, 9, 3]]
    used_up = bred("living", 1, 2, 5, 6, 7, redraw=False)
    assert used_up == [[5], [6, 7]]


@each("scope", ["ever", (), ("run", "all")])
def test_an_unknown_scope_is_refused(scope: Any) -> None:
    with pytest.raises(
        EvollmError, match="'run', 'generation', 'living' or a tuple of these as scope"
    ):
        Distinct(int, scope)


def test_the_children_of_a_generation_differ_where_it_is_asked_for() -> None:
    @dataclass(frozen=True)
    class Coin:
        def vary(self, parents: Any, n: int, seed: int) -> Offspring[int]:
            return Offspring(np.random.default_rng(seed).integers(4, size=n).tolist())

    key = Distinct(int, scope="generation")
    flow = one_plus_lambda(Coin(), Coin(), offspring=3, seed=2, key=key)
    table = run(flow, Trial(), budget=Budget(generations=12)).dataframe()
    born = table[table["step"] > 0].groupby("step")["genome"]
    assert born.nunique().eq(born.size()).all()
    assert table["genome"].duplicated().any()


def test_flows_end_when_a_generation_of_attempts_is_used_up() -> None:
    key = Distinct(int, redraw=False)
    same = Mating(Given((7,)), arity=1)
    for search in (
        generational(Given((7, 8, 9)), same, size=3, seed=1, key=key),
        steady_state(Given((7,)), same, size=3, lanes=1, seed=1, key=key),
    ):
        found = run(search, Trial())
        assert found.stopped == "nothing new was bred in a whole generation of attempts"
        assert found.usage.evaluations <= 3


def test_a_used_up_attempt_does_not_end_a_lane() -> None:
    lane = steady_state(
        Given((1,)), Mating(Sequel(1, 2, 1, 3), arity=1), size=2, lanes=1, seed=1,
        key=Distinct(int, redraw=False),
    )  # fmt: skip
    found = run(lane, Trial())
    assert sorted(one.genome for one in found.population) == [2, 3]
    jobs = found.record.rows("SELECT step FROM jobs WHERE kind = 'vary' AND step ORDER BY id")
    assert [step for (step,) in jobs] == [1, 1, 2, 2, 3, 3]  # a step is two attempts


# PromptQuine's two modes, on a prompt of 24 tokens of which eight matter.


@dataclass(frozen=True)
class Prune:
    """Drops one to four of the tokens kept; a size that is not feasible makes no child."""

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[Mask]:
        rng = np.random.default_rng(seed)
        mask = np.array(parents[0].genome)
        kept, size = np.flatnonzero(mask), int(rng.integers(1, 5))
        if size >= len(kept):
            return Offspring([], rejected={"too few tokens are left": n})
        mask[rng.choice(kept, size, replace=False)] = False
        return Offspring([tuple(mask.tolist())])


@dataclass(frozen=True)
class Reward:
    """Rewards each token kept among the first eight, and each dropped among the others."""

    elementwise = True

    def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
        return [Outcome(float(sum(mask[:8]) - sum(mask[8:]))) for mask in genomes]


FULL = Given(((True,) * TOKENS,) * 6)


def fittest(pool: Any, n: int) -> list[Any]:
    return sorted(pool, key=lambda one: -one.fitness)[:n]


def generations(seed: int, attempts: int = 10) -> Flow:
    """GGA with scores of the dead reused: children take over, the window fills up with parents."""
    memo = Memo(tuple)
    key = Distinct(tuple, ("living", "generation"), redraw=False)
    breeder = Breeder(Mating(Prune(), arity=1), seeded(seed), key)
    living = yield from memo.evaluate((yield from vary(FULL, [], 6, 0)))
    for step in count(1):
        if not (children := (yield from breeder.breed(living, attempts, step))):
            return breeder.ending
        born = yield from memo.evaluate(children, step=step)
        window = (living + born)[-attempts:]
        living = yield from survive(fittest(window, 6), step)


def growing(seed: int, attempts: int = 10) -> Flow:
    """SSGA: each child is scored at once and joins the list that the next parent comes from."""
    memo = Memo(tuple)
    key = Distinct(tuple, "living", redraw=False)
    breeder = Breeder(Mating(Prune(), arity=1), seeded(seed), key)
    living = yield from memo.evaluate((yield from vary(FULL, [], 6, 0)))
    for step in count(1):
        grown = list(living)
        for _ in range(attempts):
            child = yield from breeder.breed(grown, 1, step)
            grown += yield from memo.evaluate(child, step=step)
        if len(grown) == len(living):
            return breeder.ending
        living = yield from survive(fittest(grown[-attempts:], 6), step)


CONFORMING = {
    "generations": lambda: (generations, Reward()),
    "growing": lambda: (growing, Reward()),
}


@each("name", CONFORMING)
@each("check", checks(FlowKit))
def test_conformance(check: Callable[..., None], name: str, tmp_path: Path) -> None:
    check(CONFORMING[name](), tmp_path)


@each("flow", [generations, growing])
def test_a_prompt_is_pruned_and_no_text_is_scored_twice(flow: Any) -> None:
    found = run(flow(1), Reward())
    assert found.stopped == "nothing new was bred in a whole generation of attempts"
    assert found.fitness >= 3 > run(flow(1), Reward(), budget=Budget(evaluations=1)).fitness
    genomes = found.dataframe()["genome"]
    assert genomes.nunique() == len(genomes) == found.usage.evaluations
    attempts = found.record.rows("SELECT sum(n) FROM jobs WHERE kind = 'vary' AND step")[0][0]
    assert attempts % 10 == 0  # ten per generation, whatever became of them
    assert attempts > found.usage.evaluations - 1
    assert found.usage.memo >= 5  # the copies of the whole prompt, and children of the dead


def test_a_list_that_grows_has_grandchildren_within_a_generation() -> None:
    table = run(growing(1), Reward()).dataframe().set_index("candidate")
    steps = table["step"].to_dict()
    within = [
        child for child, parents in table["parents"].items()
        if any(steps.get(parent) == steps[child] for parent in parents)
    ]  # fmt: skip
    assert within
