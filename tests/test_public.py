"""What the package shows is what it promises."""

from types import ModuleType

import evollm


def test_all_is_the_public_names() -> None:
    public = [
        name
        for name, value in vars(evollm).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    ]
    assert sorted(evollm.__all__) == sorted(public)


def test_all_is_sorted_and_documented() -> None:
    assert evollm.__all__ == sorted(evollm.__all__, key=lambda name: (name.islower(), name))
    assert all(getattr(evollm, name).__doc__ for name in evollm.__all__)
