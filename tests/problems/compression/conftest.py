"""Tiny models."""

from tests.problems.lm.conftest import _one_thread, lm, make

__all__ = ["_one_thread", "lm", "make"]
