"""Anew: copies of an object that are made from its constructor's arguments."""

from typing import Any, Self


class Anew:
    """Base of classes whose copies and pickles consist of the constructor's arguments.

    Everything else, such as threads, queues and workers, belongs to the original object in this
    process; a copy begins without it. Subclasses may have constructors of any form.
    """

    _given: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Keep the constructor's arguments."""
        made = super().__new__(cls)
        made._given = args, options
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self), *self._given)


def _made(kind: type[Anew], args: tuple[Any, ...], options: dict[str, Any]) -> Anew:
    return kind(*args, **options)
