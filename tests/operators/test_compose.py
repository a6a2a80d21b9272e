"""Composed operators: shares, uniqueness and stand-ins, with notes and counts that say so."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import run
from evollm.errors import EvollmError
from evollm.llm.scripted import Scripted
from evollm.search.flow import Flow, evaluate, vary
from evollm.testing import Given, OperatorKit
from evollm.types import Candidate, Individual, Offspring, Outcome
from operators.compose import Chain, Fallback, Mix, Unique, joined
from operators.masks import FlipBits, Prune, RandomMasks, UniformCrossover
from operators.vectors.framed import FramedSamples
from operators.vectors.variation import Gaussian, Uniform
from tests.support_each import checks, each

MASKS = [np.array([True, False, True, True]), np.array([False, False, True, False])]


def parents(*genomes: Any) -> list[Individual[Any]]:
    return [
        Individual(Candidate(i, genome, (), "given", 0), Outcome(float(i)))
        for i, genome in enumerate(genomes)
    ]


@dataclass(frozen=True)
class Digits:
    """Makes small numbers, at most so many a call."""

    most: int = 99
    name: str = "Digits"

    def vary(self, parents: Any, n: int, seed: int) -> Offspring[int]:
        rng = np.random.default_rng(seed)
        size = min(n, self.most)
        drawn = rng.integers(5, size=size).tolist()
        return Offspring(drawn, list("abcdefghij")[:size] if size <= 10 else (), {"few": n - size})


CONFORMING = {
    "mix": lambda: (Mix([FlipBits(), UniformCrossover(), RandomMasks(4)], [1, 2, 1]), MASKS),
    "unique": lambda: (Unique(FlipBits()), MASKS),
    "fallback": lambda: (Fallback(Digits(3), Digits(99, "Other")), [1, 2]),
    "chain": lambda: (Chain([UniformCrossover(), FlipBits(), Prune(1, 1, floor=0)]), MASKS),
    "nested": lambda: (Unique(Mix([Fallback(Digits(1), Digits()), Digits(2)])), [1, 2]),
}


@each("name", CONFORMING)
@each("check", checks(OperatorKit))
def test_conformance(check: Callable[..., None], name: str, tmp_path: Path) -> None:
    check(CONFORMING[name](), tmp_path)


def test_a_mix_keeps_its_shares_and_says_who_made_what() -> None:
    mix = Mix([FlipBits(), RandomMasks(4)], [3, 1])
    made = mix.vary(parents(*MASKS), 4000, seed=1)
    arms = Counter(note["arm"] for note in made.notes)
    assert abs(arms["FlipBits"] / 4000 - 0.75) < 0.03
    assert {len(own) for own in made.parents} == {1, 2}


def test_a_mix_waits_if_any_arm_does() -> None:
    class Waiting(Digits):
        io_bound = True

    assert not Mix([Digits(), Digits()]).io_bound
    assert Mix([Digits(), Waiting()]).io_bound
    assert Unique(Waiting()).io_bound
    assert Fallback(Digits(), Waiting()).io_bound


def test_unique_asks_again_and_gives_what_there_is() -> None:
    made = Unique(Digits(), rounds=50).vary(parents(3), 9, seed=1)
    assert sorted(made.genomes) == [0, 1, 2, 4]
    assert made.rejected["duplicate"] > 0
    kept = Unique(Digits(), key=lambda genome: genome % 2).vary(parents(3), 9, seed=1)
    assert [genome % 2 for genome in kept.genomes] == [0]


def test_unique_keeps_each_childs_note() -> None:
    made = Unique(Digits(), rounds=1).vary([], 5, seed=3)
    whole = Digits().vary([], 5, int(np.random.default_rng(3).integers(2**53)))
    first = dict(reversed(list(zip(whole.genomes, whole.notes, strict=True))))
    assert dict(zip(made.genomes, made.notes, strict=True)) == first


def test_stand_ins_are_marked_and_counted() -> None:
    made = Fallback(Digits(2), Digits(99, "Other")).vary(parents(1), 5, seed=1)
    assert len(made.genomes) == 5
    assert made.notes[0] == "a"
    assert made.notes[2] == {"fallback": "Other", "note": "a"}
    assert made.rejected == {"few": 3, "stood in for by Other": 3}
    whole = Fallback(Digits(), Digits(99, "Other")).vary(parents(1), 5, seed=1)
    assert whole == Digits().vary(parents(1), 5, seed=1)


def test_joined_fills_in_what_a_part_leaves_open() -> None:
    found = joined([Offspring(["a"]), Offspring(["b"], ["n"], {"x": 1}, [[1]])], 2)
    assert found == Offspring(["a", "b"], [None, "n"], {"x": 1}, [[0, 1], [1]])
    assert joined([Offspring(["a"]), Offspring(["b"])], 2) == Offspring(["a", "b"])


@each(
    ("make", "said"),
    [
        (lambda: Mix([]), "at least one"),
        (lambda: Mix([Digits()], [1, 2]), "a share for each"),
        (lambda: Mix([Digits(), Digits()], [0, 0]), "not all 0"),
        (lambda: Mix([Digits(), Digits()], [-1, 2]), "at least 0"),
    ],
)
def test_wrong_settings_are_refused(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(EvollmError, match=said):
        make()


def test_a_chain_keeps_the_lineage_through_its_links() -> None:
    first = parents(np.zeros(8, bool), np.ones(8, bool), np.ones(8, bool))
    made = Chain([FlipBits(0.0), Prune(1, 1, floor=0)]).vary(first, 3, seed=1)
    assert made.parents == [[0], [1], [2]]
    assert [int(child.sum()) for child in made.genomes] == [0, 6, 6]
    lost = Chain([FlipBits(0.0), Prune(1, 1, floor=3)]).vary(first, 3, seed=1)
    assert lost.parents == [[1], [2]]
    assert lost.rejected == {"nothing to prune": 1}
    both = Chain([UniformCrossover(), FlipBits()]).vary(first, 2, seed=1)
    assert both.parents == [[0, 1], [0, 1]]


def halting(prompt: Any, i: int, options: Any) -> str:
    """Answer two of five samples usably."""
    return "40,60" if i % 5 < 2 else "?"


BARE = FramedSamples(Scripted(halting), constrain=False)
POINTS = [np.array([0.1, 0.2]), np.array([0.3, 0.4]), np.array([0.5, 0.5])]


@each(
    "operator",
    [
        BARE,
        Unique(BARE, rounds=1),
        Mix([BARE]),
        Fallback(BARE, Uniform(2)),
        Chain([BARE, Gaussian(0.1)]),
        Unique(Mix([Fallback(BARE, Uniform(2))]), rounds=1),
    ],
    ids=lambda operator: type(operator).__name__,
)
def test_the_models_share_is_right_through_every_wrapper(operator: Any) -> None:
    def flow() -> Flow:
        shown = yield from evaluate((yield from vary(Given(POINTS), [], 3, 0)))
        yield from evaluate((yield from vary(operator, shown, 5, 1, step=1)))

    found = run(flow(), lambda genome: float(genome.sum()))
    assert found.fallback_share == pytest.approx(0.6)
    calls = {row[0] for row in found.record.rows("SELECT key FROM calls")}
    linked = found.record.rows("SELECT calls FROM candidates WHERE calls IS NOT NULL")
    keys = [json.loads(row[0]) for row in linked]
    assert sum(len(own) == 1 for own in keys) == 2
    assert {key for own in keys for key in own} < calls
