"""Codec: genomes and notes as SQLite values and back, without pickle."""

import dataclasses
import json
import struct
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evollm.errors import EvollmError

_PLAIN = (str, int, float, bool, type(None))
_TAGS = ("$tuple", "$map", "$array", "$number", "$class")


def encode(value: Any) -> str | bytes:
    """Return a genome as JSON text, or an array as bytes with type and shape, 0/1 arrays packed.

    Raises:
        EvollmError: If it holds anything but numbers, strings, None, tuples, lists, dicts, frozen
            dataclasses and arrays of numbers.
    """
    if isinstance(value, np.ndarray):
        return _pack(value)
    return json.dumps(_tag(value), separators=(",", ":"))


def decode(stored: str | bytes) -> Any:
    """Return the genome that ``encode`` stored."""
    return _unpack(stored) if isinstance(stored, bytes) else json.loads(stored, object_hook=_untag)


def _pack(array: NDArray[Any]) -> bytes:
    """Lay out type, shape and raw bytes."""
    if array.dtype.kind not in "biufcSUmM" or type(array) is not np.ndarray:
        raise EvollmError(
            f"a {type(array).__name__} of {array.dtype} can't be a genome: use an array of numbers"
        )
    kind = array.dtype.str.encode()
    packed = array.dtype == np.bool_
    body = np.packbits(array.ravel()).tobytes() if packed else np.ascontiguousarray(array).tobytes()
    return struct.pack(f"<BB{array.ndim}Q", len(kind), array.ndim, *array.shape) + kind + body


def _unpack(data: bytes) -> NDArray[Any]:
    """Rebuild the array that ``_pack`` laid out."""
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
    """Make a value fit for JSON, marking what JSON can't tell apart."""
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
            raise EvollmError(
                f"a genome can't hold a {kind.__qualname__}, which its module doesn't show under "
                "this name: define the class at the top of a module"
            )
        listed = [item.name for item in dataclasses.fields(value) if item.init]
        held = {name: _tag(getattr(value, name)) for name in listed}
        return {"$class": [kind.__module__, kind.__qualname__, held]}
    raise EvollmError(
        f"a genome can't hold a {kind.__name__}: use numbers, strings, tuples, lists, dicts, "
        "frozen dataclasses or NumPy arrays"
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


def _found(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _rebuild(module: str, name: str, held: dict[str, Any]) -> Any:
    """Rebuild a frozen dataclass of a loaded module, for a record must not import code."""
    found = _found(module, name)
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise EvollmError(
            f"the record holds genomes of {module}.{name}: import {module} before you read it"
        )
    return found(**held)
