"""Schedules: the paper's tokens, and what is refused."""

from typing import Any

import pytest

from evollm.errors import EvollmError
from problems.compression import EvoPress
from problems.compression.kinds import Depth, Joint, Quantization, Sparsity
from problems.compression.schedules import Schedule, changed, schedule, stages_of, written
from tests.problems.compression.kinds.test_kinds import BODY
from tests.support_each import each


@each(
    ("preset", "kind", "generations", "each_generation", "start"),
    [
        ("paper", Depth(0.25), 107, 163_840, 64 * 2048),
        ("paper", Sparsity(0.7), 400, 458_752, 2048),
        ("paper", Quantization(3), 150, 1_179_648, 2048),
        ("paper", Quantization(2.5), 150, 1_179_648, 32 * 2048),
        ("super-fast", Sparsity(0.7), 400, 24_576, 2048),
        ("quick", Depth(0.25), 40, 8 * 256 + 3 * 1024, 16 * 1024),
        ("quick", Joint(), 30, 8 * 256 + 3 * 1024, 16 * 1024),
    ],
)
def test_presets_spend_what_the_paper_says(
    preset: Any, kind: Any, generations: int, each_generation: int, start: int
) -> None:
    found, space = schedule(preset, kind, 30), kind.space(BODY)
    assert found.generations == generations
    assert found.tokens(space, 0) == start
    assert found.tokens(space, 10) - start == 10 * each_generation


def test_stages_are_written_and_read() -> None:
    assert stages_of("8@2048,1@16384") == ((2048, 8), (16_384, 1))
    assert written(stages_of("2@256,1@1024")) == "2@256,1@1024"


def test_a_change_of_the_stages_changes_the_pool_if_it_must() -> None:
    found = schedule("quick", Depth(), 30)
    assert changed(found, stages=((512, 1),), offspring=None).pool == found.pool
    assert changed(found, stages=((32_768, 1),)).pool == 32_768
    assert changed(found, offspring=3).offspring == 3


@each(
    ("make", "said"),
    [
        (lambda: EvoPress(schedule="quik"), "there is no schedule 'quik'; did you mean 'quick'"),
        (lambda: stages_of("8@2048;1@3"), "stages must be survivors and tokens such as"),
        (lambda: stages_of(""), "stages must be survivors and tokens such as"),
        (
            lambda: Schedule(1, 4, ((24, 1), (48, 2))),
            "at last 1, not 1@24,2@48",
        ),
        (lambda: Schedule(1, 4, ((24, 2),)), "at last 1"),
        (lambda: Schedule(1, 4, ((1, 1),)), "at least 2 tokens"),
        (lambda: Schedule(1, 0, ((24, 1),)), "offspring must be a whole number"),
        (lambda: Schedule(1, 4, ((24, 1),), 1, 24, 16), "pool must be at least the 24 tokens"),
    ],
)
def test_schedules_that_cannot_be_are_refused(make: Any, said: str) -> None:
    with pytest.raises(EvollmError, match=said):
        make()
