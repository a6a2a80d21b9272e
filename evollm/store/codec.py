"""Codec: converts genomes and notes to SQLite values and back, without pickle."""

import dataclasses
import json
import struct
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError


class Unstorable(EvollmError):
    """A value can't be stored.

    Attributes:
        kind: Name of the type that can't be stored.
    """

    def __init__(self, sentence: str, kind: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Stored:
    """A stored dataclass whose class is not loaded: its fields can be read."""

    __slots__ = ("_fields", "_module", "_name")

    def __init__(self, module: str, name: str, fields: dict[str, Any]) -> None:
        for slot, value in zip(self.__slots__, (fields, module, name), strict=True):
            object.__setattr__(self, slot, value)

    def __getattr__(self, name: str) -> Any:
        if name not in Stored.__slots__ and name in self._fields:
            return self._fields[name]
        raise AttributeError(f"the stored {self._name} has no field '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a stored {self._name} is read-only")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stored) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return Stored, (self._module, self._name, self._fields)

    def __repr__(self) -> str:
        held = ", ".join(f"{name}={value!r}" for name, value in self._fields.items())
        return f"{self._name}({held})"


_PLAIN = (str, int, float, bool, type(None))
_TAGS = ("$tuple", "$map", "$array", "$number", "$class")


def encode(value: Any) -> str | bytes:
    """Return a genome as JSON, or an array as bytes with type and shape; 0/1 arrays are packed.

    Raises:
        Unstorable: If it contains anything other than numbers, strings, None, tuples, lists, dicts,
            frozen dataclasses and arrays of numbers.
    """
    if isinstance(value, np.ndarray):
        return _pack(value)
    try:
        return json.dumps(_tag(value), separators=(",", ":"))
    except (RecursionError, ValueError) as error:
        kind = type(value).__name__
        raise Unstorable(f"a genome can't contain this {kind}: {error}", kind) from None


def decode(stored: str | bytes) -> Any:
    """Return the genome that ``encode`` stored.

    Raises:
        EvollmError: If its class is not loaded, or has other fields now.
    """
    return _read(stored, _untag)


def shown(stored: str | bytes) -> Any:
    """Return the genome that ``encode`` stored, with ``Stored`` in place of classes not loaded."""
    return _read(stored, _seen)


def _read(stored: str | bytes, hook: Callable[[dict[str, Any]], Any]) -> Any:
    try:
        if isinstance(stored, bytes):
            return _unpack(stored)
        return json.loads(stored, object_hook=hook)
    except EvollmError:
        raise
    except Exception as error:  # damaged bytes may fail anywhere
        raise EvollmError(
            f"a stored value can't be read ({error}): the record is damaged"
        ) from None


def _pack(array: NDArray[Any]) -> bytes:
    """Return an array's type, shape and raw bytes."""
    if array.dtype.kind not in "biufcSUmM" or type(array) is not np.ndarray:
        what = f"{type(array).__name__} of {array.dtype}"
        raise Unstorable(f"a {what} can't be a genome: use an array of numbers", what)
    packed = array.dtype.kind == "b"
    body = np.packbits(array).tobytes() if packed else array.tobytes()
    return _head(array.dtype.str, array.shape) + body


@lru_cache(maxsize=256)
def _head(kind: str, shape: tuple[int, ...]) -> bytes:
    """Return type and shape as bytes."""
    return struct.pack(f"<BB{len(shape)}Q", len(kind), len(shape), *shape) + kind.encode()


def _unpack(data: bytes) -> NDArray[Any]:
    """Rebuild the array that ``_pack`` stored."""
    kind_size, ndim = struct.unpack_from("<BB", data)
    at = struct.calcsize(f"<BB{ndim}Q")
    shape = struct.unpack_from(f"<BB{ndim}Q", data)[2:]
    dtype = np.dtype(data[at : at + kind_size].decode())
    body = data[at + kind_size :]
    if dtype == np.bool_:
        size = int(np.prod(shape, dtype=np.int64))
        bits = np.unpackbits(np.frombuffer(body, np.uint8), count=size)
        return bits.astype(np.bool_).reshape(shape)
    return np.frombuffer(body, dtype).reshape(shape).copy()


def _tag(value: Any) -> Any:
    """Convert a value for JSON, tagging types that JSON does not distinguish."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return (
            value if all(type(item) in _PLAIN for item in value) else [_tag(item) for item in value]
        )
    if kind is tuple:
        return {"$tuple": [_tag(item) for item in value]}
    if isinstance(value, np.generic):
        return {"$number": _pack(np.asarray(value)).hex()}
    if isinstance(value, np.ndarray):
        return {"$array": _pack(value).hex()}
    if kind is dict:
        if all(type(key) is str and key not in _TAGS for key in value):
            return {key: _tag(item) for key, item in value.items()}
        return {"$map": [[_tag(key), _tag(item)] for key, item in value.items()]}
    if getattr(getattr(kind, "__dataclass_params__", None), "frozen", False):
        if _found(kind.__module__, kind.__qualname__) is not kind:
            raise Unstorable(
                f"a genome can't contain a {kind.__qualname__}, which is not an attribute of its "
                "module: define the class at the top level of a module",
                kind.__qualname__,
            )
        listed = [item.name for item in dataclasses.fields(value) if item.init]
        held = {name: _tag(getattr(value, name)) for name in listed}
        return {"$class": [kind.__module__, kind.__qualname__, held]}
    if kind is Stored:
        return {"$class": [value._module, value._name, _tag(value._fields)]}
    raise Unstorable(
        f"a genome can't contain a {kind.__name__}: use numbers, strings, tuples, lists, dicts, "
        "frozen dataclasses or NumPy arrays",
        kind.__name__,
    )


def _untag(held: dict[str, Any]) -> Any:
    """Undo ``_tag`` for one JSON object."""
    if len(held) != 1:
        return held
    tag, value = next(iter(held.items()))
    if tag == "$tuple":
        return tuple(value)
    if tag == "$map":
        return dict(value)
    if tag == "$array":
        return _unpack(bytes.fromhex(value))
    if tag == "$number":
        return _unpack(bytes.fromhex(value))[()]
    if tag == "$class":
        return _rebuild(*value)
    return held


def _seen(held: dict[str, Any]) -> Any:
    """Undo ``_tag`` as far as the classes are loaded."""
    try:
        return _untag(held)
    except EvollmError:
        return Stored(*held["$class"])


def _found(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _rebuild(module: str, name: str, held: dict[str, Any]) -> Any:
    """Rebuild a frozen dataclass of a loaded module; reading a record never imports code."""
    found = _found(module, name)
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        fix = "run the script that defines it" if module == "__main__" else f"import {module}"
        raise EvollmError(
            f"the record contains genomes of {module}.{name}: {fix} to continue the run"
        )
    try:
        return found(**held)
    except Exception as error:
        raise EvollmError(
            f"the record contains a {module}.{name} with the fields {', '.join(held)}, which the "
            f"class no longer accepts ({error}): restore the class, or choose a new folder"
        ) from None
