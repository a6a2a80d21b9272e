"""What the package shows is what it promises."""

from types import ModuleType

import pytest

import evollm
from evollm.executors.processes import Processes


def test_all_is_the_public_names() -> None:
    for name in evollm.__all__:
        getattr(evollm, name)
    public = [
        name
        for name, value in vars(evollm).items()
        if not name.startswith("_") and not isinstance(value, ModuleType | bool)
    ]
    late = ["AskTell", "Processes", "System"]
    assert sorted(evollm.__all__) == sorted(public + late)


def test_names_that_are_imported_late_are_there_and_others_are_refused() -> None:
    assert evollm.Processes is Processes
    with pytest.raises(AttributeError, match="module 'evollm' has no attribute 'Process'"):
        evollm.Process  # noqa: B018


def test_all_is_sorted_and_documented() -> None:
    assert evollm.__all__ == sorted(evollm.__all__, key=lambda name: (name.islower(), name))
    assert all(getattr(evollm, name).__doc__ for name in evollm.__all__)
