"""Random changes of expressions make valid programs, and never run them."""

from typing import Any

import pytest

from evollm.errors import EvollmError
from evollm.testing import OperatorKit
from evollm.types import Candidate
from operators.programs import Frame, MutateSource
from operators.programs.source import split
from tests.operators.programs.support_code import BLOCK, FRAME


class TestMutateSource(OperatorKit):
    @pytest.fixture
    def case(self) -> Any:
        return MutateSource(FRAME), [BLOCK]


def test_children_are_valid_differ_from_their_parent_and_reach_all_kinds_of_change() -> None:
    parent = Candidate(0, BLOCK, (), "", 0)
    children = MutateSource(FRAME).vary([parent], 200, 1).genomes
    assert len(children) == 200
    for child in children:
        assert FRAME.checked(child) == child
        assert FRAME.key(child) != FRAME.key(BLOCK)
        assert '"""Return something."""' in child
    everything = "".join(children)
    assert all(part in everything for part in ("x > 4", "x / 2", "x >= 3", "2 * x", "x + x"))


def test_a_block_without_an_expression_or_in_another_language_is_refused() -> None:
    frame, block = split("# EVOLVE-BLOCK-START\npass\n# EVOLVE-BLOCK-END\n")
    made = MutateSource(frame).vary([Candidate(0, block, (), "", 0)], 2, 0)
    assert not made.genomes
    assert dict(made.rejected) == {"no valid change was drawn": 2}
    with pytest.raises(EvollmError, match="only Python source"):
        MutateSource(Frame("", "", ".cpp"))
