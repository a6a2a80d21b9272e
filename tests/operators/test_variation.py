"""Mating and mutation happen as often as they are to, and say of whom."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from deap import creator

from evollm import Candidate, EvollmError, Offspring
from evollm.testing import OperatorCase, OperatorKit
from operators.deap.functions import FromDeap
from operators.deap.individuals import Plain
from operators.variation import MateAndMutate, MateOrMutate
from tests.operators.deap.support_boxes import onemax
from tests.support_each import checks, each


@dataclass(frozen=True)
class Tagged:
    """Adds a letter to a parent."""

    letter: str
    short: bool = False

    def vary(self, parents, n, seed):
        made = [parents[i % len(parents)].genome + self.letter for i in range(n)]
        return Offspring([] if self.short else made)


def parents(*genomes):
    return [Candidate(i, genome, (), "test", 0) for i, genome in enumerate(genomes)]


def share(genomes, letter):
    return np.mean([letter in genome for genome in genomes])


def operators():
    form = Plain(creator.Bits)
    return FromDeap(onemax().mate, 2, form), FromDeap(onemax().mutate, 1, form)


def case_arrays() -> OperatorCase:
    mate, mutate = operators()
    return MateAndMutate(mate, mutate, cxpb=0.0, mutpb=0.0), [np.zeros(3), np.ones(3)]


CONFORMING = {
    "both": lambda: (MateAndMutate(*operators()), [[0] * 9, [1] * 9, [0, 1, 0] * 3]),
    "either": lambda: (MateOrMutate(*operators(), cxpb=0.4, mutpb=0.4), [[0] * 9, [1] * 9]),
    "arrays": case_arrays,
}


@each("name", CONFORMING)
@each("check", checks(OperatorKit))
def test_conformance(check: Callable[..., None], name: str, tmp_path: Path) -> None:
    check(CONFORMING[name](), tmp_path)


def test_both_happen_independently():
    made = MateAndMutate(Tagged("c"), Tagged("m"), 0.6, 0.3).vary(parents("a", "b"), 4000, 1)
    assert len(made.genomes) == 4000
    assert share(made.genomes, "c") == pytest.approx(0.6, abs=0.03)
    assert share(made.genomes, "m") == pytest.approx(0.3, abs=0.03)
    assert share(made.genomes, "cm") == pytest.approx(0.18, abs=0.03)
    assert made.genomes[0][0] == "a"
    assert made.genomes[1][0] == "b"
    for genome, own in zip(made.genomes, made.parents, strict=True):
        assert list(own) == ([0, 1] if "c" in genome else ["ab".index(genome[0])])


def test_either_happens():
    made = MateOrMutate(Tagged("c"), Tagged("m"), 0.5, 0.3).vary(parents("a", "b"), 4000, 1)
    assert share(made.genomes, "c") == pytest.approx(0.5, abs=0.03)
    assert share(made.genomes, "m") == pytest.approx(0.3, abs=0.03)
    assert share(made.genomes, "cm") == share(made.genomes, "mc") == 0
    assert share(made.genomes, "a") == pytest.approx(0.5, abs=0.03)
    for genome, own in zip(made.genomes, made.parents, strict=True):
        assert len(own) == 1 + ("c" in genome)


def test_an_operator_may_make_nothing():
    none = Tagged("c", short=True)
    for operator in (MateAndMutate(none, none, 1, 1), MateOrMutate(none, none, 0.5, 0.5)):
        made = operator.vary(parents("a", "b"), 6, 1)
        assert (made.genomes, made.parents) == ([], [])


def test_probabilities_are_checked():
    for kind in (MateAndMutate, MateOrMutate):
        with pytest.raises(EvollmError, match=r"a probability must be between 0 and 1, not 1.5"):
            kind(Tagged("c"), Tagged("m"), 1.5, 0.1)
    with pytest.raises(EvollmError, match=r"must add up to at most 1, not 1.2"):
        MateOrMutate(Tagged("c"), Tagged("m"), 0.6, 0.6)


def test_one_parent_cannot_be_mated():
    for kind in (MateAndMutate, MateOrMutate):
        with pytest.raises(EvollmError, match="mating needs two parents, not 1"):
            kind(Tagged("c"), Tagged("m")).vary(parents("a"), 1, 0)
