"""Copies made anew: of what the constructor was given, whatever the object holds by then."""

from typing import Any, Self


class Anew:
    """Copies and pickles as its constructor's arguments.

    What an object has beyond them, such as threads, queues and workers, belongs to this one and to
    this process: a copy begins without. Subclasses may have constructors of any form.
    """

    _given: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Keep what the constructor is given."""
        made = super().__new__(cls)
        made._given = args, options
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self), *self._given)


def _made(kind: type[Anew], args: tuple[Any, ...], options: dict[str, Any]) -> Anew:
    return kind(*args, **options)
