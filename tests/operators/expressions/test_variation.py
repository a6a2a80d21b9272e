"""Classical variation of expressions keeps the contract of operators, and the limits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evollm import Candidate, EvollmError
from evollm.testing import OperatorKit
from operators.expressions.constants import NumberMutation
from operators.expressions.genome import height, numbers
from operators.expressions.primitives import Primitives
from operators.expressions.reading import read
from operators.expressions.variation import Limits, classical, random_expressions
from tests.support_each import checks, each

PRIMITIVES = Primitives(("x", "y"))
TIGHT = Limits(max_height=3, max_size=7)
PARENTS = [read(text, PRIMITIVES) for text in ("sin(x) + 2.5*y", "x^2/(y - 1)", "exp(y)*0.5")]
OPERATORS = {
    **classical(PRIMITIVES, TIGHT),
    "random_expressions": random_expressions(PRIMITIVES, TIGHT),
    "NumberMutation": NumberMutation(),
}


def candidates(genomes):
    return [Candidate(i, genome, (), "test", 0) for i, genome in enumerate(genomes)]


@each("name", OPERATORS)
@each("check", checks(OperatorKit))
def test_conformance(check: Callable[..., None], name: str, tmp_path: Path) -> None:
    check((OPERATORS[name], PARENTS), tmp_path)


@each("name", OPERATORS)
def test_children_are_within_limits_and_most_are_new(name):
    made = OPERATORS[name].vary(candidates(PARENTS), 60, seed=2).genomes
    assert len(made) == 60
    assert all(len(one) <= 7 and height(one) <= 3 for one in made)
    assert all(PRIMITIVES.genome(one.nodes) == one for one in made)
    assert len({one.code for one in made}) > 5


def test_a_number_is_changed_and_nothing_else():
    [child] = NumberMutation(0.5).vary(candidates(PARENTS), 1, seed=3).genomes
    pairs = list(zip(child.nodes, PARENTS[0].nodes, strict=True))
    [place] = [i for i, (new, old) in enumerate(pairs) if new != old]
    assert [place] == numbers(child)
    made = NumberMutation().vary(candidates([read("x", PRIMITIVES)]), 3, seed=0)
    assert (list(made.genomes), made.rejected) == ([], {"an expression without numbers": 3})
    with pytest.raises(EvollmError, match="spread must be above 0"):
        NumberMutation(0.0)


def test_new_numbers_have_three_decimals_within_their_range():
    made = random_expressions(Primitives(("x",), ("add",), constants=2.0)).vary([], 200, 1).genomes
    values = np.array([one.nodes[place][1] for one in made for place in numbers(one)])
    assert len(values) > 50
    assert np.abs(values).max() <= 2.0
    assert (values == np.round(values, 3)).all()
