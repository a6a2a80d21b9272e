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
    """Lend the global random states of Python and NumPy to the code within, seeded; then restore.

    DEAP draws from these states. One thread at a time has them; code of other threads that draws
    from them unasked meanwhile would draw from the seeded states.

    Args:
        seed: From 0; a run's seeds reach ``2**53 - 1``.
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
    """An initialiser, a mutation or a crossover that was written for DEAP.

    Parents are copied before the function may change them, and what it draws from the global random
    states is fixed by the operator's seed.

    Attributes:
        function: ``individual()``, ``mutate(individual)`` that returns a tuple of one, or
            ``mate(individual, individual)`` that returns a tuple of two; an entry of a toolbox, a
            ``functools.partial`` or a function.
        arity: How many individuals the function takes: 0, 1 or 2.
        form: How individuals become genomes, and genomes individuals.
        name: Under which name children are recorded; the function's by default.
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
                f"DEAP's functions take 0, 1 or 2 individuals, not {self.arity!r}: give the arity "
                "of an initialiser, a mutation or a crossover"
            )
        object.__setattr__(self, "name", self.name or named(self.function))
        object.__setattr__(self, "parameters", parameters(self.function))

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, (type(self), packed(vars(self)))

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return ``n`` children; parents, or successive pairs of them, take turns.

        Raises:
            EvollmError: If there are too few parents, the function raises or returns something else
                than individuals in a tuple, or a child can't be recorded.
        """
        if len(parents) < self.arity:
            raise EvollmError(f"{self.name} takes {self.arity} parents but got {len(parents)}")
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
                f"{self.name} returned a {type(made).__name__} where DEAP's functions return a "
                f"tuple of {self.arity}: correct its return statement"
            )
        return [self.form.to_genome(one) for one in made]


def described(error: Exception) -> str:
    """Return the type and the message of an exception, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def named(function: Callable[..., Any]) -> str:
    """Return the name of a function, of a toolbox's entry, or of what a partial wraps."""
    inner = getattr(function, "func", function)
    return str(getattr(function, "__name__", None) or getattr(inner, "__name__", "FromDeap"))


def parameters(thing: Any) -> JSON:
    """Describe a function with its bound arguments, so that a record notices a change.

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
