"""DEAP's initialisers, crossovers and mutations as operators."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from deap import gp

from evollm.errors import EvollmError
from evollm.types import JSON, Offspring, Parent
from operators.deap.individuals import IndividualCodec, Plain
from operators.deap.pickling import packed, restored

_LOCK = threading.RLock()


@contextmanager
def seeded_globals(seed: int) -> Iterator[None]:
    """Seed the global random states of Python and NumPy in the block, then restore them.

    DEAP draws from these states. Only one thread at a time enters the block; code of other threads
    that uses them meanwhile would draw from the seeded states.

    Args:
        seed: At least 0; a run's seeds are at most ``2**53 - 1``.
    """
    with _LOCK:
        plain, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
        random.seed(seed)
        np.random.seed(np.random.SeedSequence(seed).generate_state(4))  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(plain)
            np.random.set_state(numpy)  # noqa: NPY002


@dataclass(frozen=True)
class FromDeap:
    """An initialiser, a mutation or a crossover written for DEAP.

    Parents are copied before the function may change them, and the global random states are seeded
    with the operator's seed.

    Attributes:
        function: ``individual()``, ``mutate(individual)`` that returns a tuple of one, or
            ``mate(individual, individual)`` that returns a tuple of two; an entry of a toolbox, a
            ``functools.partial`` or a function.
        arity: Number of individuals that the function takes: 0, 1 or 2.
        form: Converts individuals to genomes and back.
        name: Name under which children are recorded; by default the function's.
        parameters: The function and its bound arguments, for the record.
    """

    function: Callable[..., Any] = field(metadata={"parameter": False})
    arity: int
    form: IndividualCodec = field(default_factory=Plain)
    name: str = ""
    parameters: JSON = field(init=False)

    def __post_init__(self) -> None:
        if self.arity not in (0, 1, 2):
            raise EvollmError(
                f"the arity of DEAP's functions must be 0, 1 or 2, not {self.arity!r}: give that "
                "of an initialiser, a mutation or a crossover"
            )
        object.__setattr__(self, "name", self.name or named(self.function))
        object.__setattr__(self, "parameters", parameters(self.function))

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, (type(self), packed(vars(self)))

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return ``n`` children; parents, or successive pairs of them, take turns.

        Raises:
            EvollmError: If there are too few parents, the function raises an exception or does not
                return a tuple of individuals, or a child can't be recorded.
        """
        if len(parents) < self.arity:
            raise EvollmError(
                f"{self.name} needs {self.arity} parents, not {len(parents)}: set the arity of its "
                "mating"
            )
        genomes: list[Any] = []
        lineage: list[list[int]] = []
        with seeded_globals(seed):
            for turn in count():
                if len(genomes) >= n:
                    break
                own = [(self.arity * turn + i) % len(parents) for i in range(self.arity)]
                made = self._call([parents[place].genome for place in own])
                genomes += made
                lineage += [own] * len(made)
        return Offspring(genomes[:n], parents=lineage[:n])

    def _call(self, genomes: list[Any]) -> list[Any]:
        """Call the function on copies, once."""
        copies = list(map(self.form.from_genome, genomes))
        try:
            made = self.function(*copies)
        except EvollmError:
            raise
        except Exception as error:
            raise EvollmError(f"{self.name} failed with {described(error)}") from error
        if not self.arity:
            return [self.form.to_genome(made)]
        # decorators such as gp.staticLimit return lists
        if type(made) not in (tuple, list) or len(made) != self.arity:
            raise EvollmError(
                f"{self.name} must return a tuple of {self.arity}, not a {type(made).__name__}: "
                "correct its return statement"
            )
        return [self.form.to_genome(one) for one in made]


def described(error: Exception) -> str:
    """Return the type and the message of an exception, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def named(function: Callable[..., Any]) -> str:
    """Return the name of a function, a toolbox's entry, or the function in a partial."""
    inner = getattr(function, "func", function)
    return str(getattr(function, "__name__", None) or getattr(inner, "__name__", "FromDeap"))


def parameters(thing: Any) -> JSON:
    """Describe a function with its bound arguments, so that changes are detected by a record.

    Args:
        thing: A function, a ``functools.partial`` as a toolbox registers it, or a bound argument.
    """
    if thing is None or isinstance(thing, str | int | float | bool):
        return thing
    if isinstance(thing, np.generic | np.ndarray):
        return thing.tolist()
    if isinstance(thing, dict):
        return {str(key): parameters(item) for key, item in thing.items()}
    if isinstance(thing, list | tuple):
        return [parameters(item) for item in thing]
    if isinstance(thing, set | frozenset):
        return [parameters(item) for item in sorted(thing, key=repr)]
    if isinstance(thing, partial):
        return [parameters(thing.func), parameters(thing.args), parameters(thing.keywords)]
    if isinstance(thing, gp.PrimitiveSetTyped):
        return [thing.name, *sorted(thing.mapping)]
    kind = thing if hasattr(thing, "__qualname__") else type(thing)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if is_dataclass(thing) and not isinstance(thing, type):
        return [name, {one.name: parameters(getattr(thing, one.name)) for one in fields(thing)}]
    return name
