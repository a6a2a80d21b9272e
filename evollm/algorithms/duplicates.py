"""Duplicates: which children count as seen before, and what becomes of them."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from evollm.errors import EvollmError
from evollm.types import Candidate, Individual

Scope: TypeAlias = Literal["run", "generation", "living"]
_SCOPES = get_args(Scope)


@dataclass(frozen=True, slots=True)
class Distinct:
    """Which children are duplicates; a duplicate is dropped before it costs an evaluation.

    Attributes:
        key: From a genome to what tells genomes apart.
        scope: What a child is compared with. ``"run"``: all that lived or was bred so far in the
            run. ``"generation"``: the children bred before it in the same step. ``"living"``: the
            population that it is bred from. Several scopes are a tuple.
        redraw: Whether another child is drawn for one that was dropped or never made, in up to
            three rounds; if not, the attempt is used up.
    """

    key: Callable[[Any], Hashable]
    scope: Scope | tuple[Scope, ...] = "run"
    redraw: bool = True

    def __post_init__(self) -> None:
        scopes = self.scopes
        if not callable(self.key) or not scopes or not set(scopes) <= set(_SCOPES):
            raise EvollmError(
                "Distinct needs a function of a genome as its key and a scope of "
                f"{', '.join(map(repr, _SCOPES))}, or a tuple of these, not {self.key!r} and "
                f"{self.scope!r}"
            )

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes as a tuple."""
        return (self.scope,) if isinstance(self.scope, str) else tuple(self.scope)


Key: TypeAlias = Callable[[Any], Hashable] | Distinct
"""What a flow takes to drop duplicates; a function alone is ``Distinct(function)``."""


class Seen:
    """Remembers genomes for a flow, whose state it is.

    Args:
        key: What tells genomes apart; None lets every child pass.
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
        """Note from whom the next children are bred, and in which step."""
        if self._key is None:
            return
        self._living = {self._key(one.genome) for one in pool}
        if "run" in self._scopes:
            self._ever |= self._living
        if step > self._step:  # a lane that lags behind does not reopen an earlier step
            self._step = step
            self._siblings.clear()

    def fresh(self, children: Iterable[Candidate[Any]]) -> Iterator[Candidate[Any]]:
        """Yield the children that are no duplicates, and remember them."""
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
