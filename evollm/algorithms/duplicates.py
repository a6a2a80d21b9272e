"""Duplicates: which children count as duplicates, and what happens to them."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from evollm.errors import EvollmError
from evollm.types import Candidate, Individual

Scope: TypeAlias = Literal["run", "generation", "living"]
_SCOPES = get_args(Scope)


@dataclass(frozen=True, slots=True)
class Distinct:
    """Which children are duplicates; they are dropped before they cost an evaluation.

    Attributes:
        key: Maps a genome to a key that is equal for equal genomes.
        scope: What a child is compared with: ``"run"`` for all individuals of the run so far,
            ``"generation"`` for the earlier children of the same step, ``"living"`` for the
            population that it is bred from, or a tuple of these.
        redraw: Whether another child is drawn for each one that was dropped or not made, in up to
            three rounds; if not, the attempt counts as used.
    """

    key: Callable[[Any], Hashable]
    scope: Scope | tuple[Scope, ...] = "run"
    redraw: bool = True

    def __post_init__(self) -> None:
        scopes = self.scopes
        if not callable(self.key) or not scopes or not set(scopes) <= set(_SCOPES):
            raise EvollmError(
                "Distinct needs a function of a genome as key, and "
                f"{', '.join(map(repr, _SCOPES))} or a tuple of these as scope, not {self.key!r} "
                f"and {self.scope!r}"
            )

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes as a tuple."""
        return (self.scope,) if isinstance(self.scope, str) else tuple(self.scope)


Key: TypeAlias = Callable[[Any], Hashable] | Distinct
"""A flow's argument to drop duplicates; a function is short for ``Distinct(function)``."""


class Seen:
    """The genomes that a flow has seen.

    Args:
        key: Which children are duplicates; None lets every child pass.
    """

    def __init__(self, key: Key | None) -> None:
        rule = key if isinstance(key, Distinct) or key is None else Distinct(key)
        self.redraw = rule is None or rule.redraw
        self._key = rule.key if rule else None
        self._scopes: Collection[str] = rule.scopes if rule else ()
        self._ever: set[Hashable] = set()
        self._living: set[Hashable] = set()
        self._siblings: set[Hashable] = set()
        self._step = -1

    def begin(self, pool: Sequence[Individual[Any]], step: int) -> None:
        """Set the population and the step of the next children."""
        if self._key is None:
            return
        self._living = {self._key(one.genome) for one in pool}
        if "run" in self._scopes:
            self._ever |= self._living
        if step > self._step:  # a slower lane does not reopen an earlier step
            self._step = step
            self._siblings.clear()

    def fresh(self, children: Iterable[Candidate[Any]]) -> Iterator[Candidate[Any]]:
        """Yield the children that are not duplicates, and remember them."""
        for child in children:
            if self._key is None:
                yield child
            elif not self._known(key := self._key(child.genome)):
                self._siblings.add(key)
                if "run" in self._scopes:
                    self._ever.add(key)
                yield child

    def _known(self, key: Hashable) -> bool:
        among = {"run": self._ever, "generation": self._siblings, "living": self._living}
        return any(key in among[scope] for scope in self._scopes)
