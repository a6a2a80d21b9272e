"""Pickling: pickles of objects with DEAP's classes or global random functions."""

import io
import pickle
import random
from typing import Any

import numpy as np
from deap import creator, gp


def packed(thing: object) -> bytes:
    """Pickle an object by value, except parts that must keep their identity.

    A plain pickle of ``random.randint`` contains a separate generator that is not seeded; and a
    plain pickle of a class made by ``creator`` or a primitive set replaces or changes that class
    when it is loaded in the same process.
    """
    try:
        import cloudpickle
    except ImportError:  # older releases of joblib contain it
        from joblib.externals import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, item: Any) -> Any:
            return _reduced(item) or super().reducer_override(item)

    file = io.BytesIO()
    Pickler(file).dump(thing)
    return file.getvalue()


def unpacked(data: bytes) -> Any:
    """Return the object that ``packed`` pickled."""
    return pickle.loads(data)


def _reduced(item: Any) -> Any:
    """Return how to rebuild objects that a plain pickle gets wrong; None for others."""
    if isinstance(item, creator.MetaCreator):
        return created, tuple(item.reduce_args)
    if isinstance(item, gp.MetaEphemeral):
        return gp.MetaEphemeral, (item.name, item.func, item.ret, id(item))
    owner = None if isinstance(item, type) else getattr(item, "__self__", None)
    for module in (random, np.random):
        if owner is not None and owner is getattr(module.random, "__self__", None):
            return getattr, (module, item.__name__)
    return None


def created(name: str, base: type, attributes: dict[str, Any]) -> Any:
    """Return the class of this name in ``creator``, creating it if it is missing or different."""
    known = getattr(creator, name, None)
    if repr(getattr(known, "reduce_args", None)) == repr((name, base, attributes)):
        return known
    return creator.meta_create(name, base, attributes)


def restored(kind: type, data: bytes) -> Any:
    """Return the dataclass whose attributes were packed."""
    thing: Any = object.__new__(kind)
    vars(thing).update(unpacked(data))
    return thing
