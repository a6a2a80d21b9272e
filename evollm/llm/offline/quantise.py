"""Quantisation: rewrites a GGUF file with its weights in another precision."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias

Precision: TypeAlias = Literal["F16", "Q8_0", "Q4_1", "Q4_0"]
Content: TypeAlias = tuple[Any, None, Any]
"""The arguments of ``GGUFWriter.add_tensor`` after the name: data, raw shape, raw type."""


def requantise(source: Path, target: Path, precision: Precision) -> None:
    """Write ``source`` to ``target`` with every quantised tensor in ``precision``.

    Tensors in full precision (norms, biases) and the metadata are not changed.

    Raises:
        ImportError: If the package ``gguf`` is missing.
        ValueError: If ``source`` is not a GGUF file.
        OSError: If a file can't be read or written.
    """
    from gguf import GGMLQuantizationType, LlamaFileType

    kind = GGMLQuantizationType[precision]
    file_type = int(_file_type(LlamaFileType, precision))
    rewrite(source, target, lambda tensor: _converted(tensor, kind), file_type)


def rewrite(
    source: Path, target: Path, converted: Callable[[Any], Content], file_type: int
) -> None:
    """Write ``source`` to ``target`` with other content of its tensors.

    Args:
        source: A GGUF file.
        target: The new file.
        converted: Returns the new content of a tensor of ``GGUFReader``.
        file_type: What the new file says of its precision, a ``LlamaFileType``.

    Raises:
        ImportError: If the package ``gguf`` is missing.
        ValueError: If ``source`` is not a GGUF file.
        OSError: If a file can't be read or written.
    """
    from gguf import GGUFReader, GGUFWriter

    reader = GGUFReader(source)
    writer = GGUFWriter(target, _text(reader, "general.architecture"))
    _copy_metadata(reader, writer, file_type)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, *converted(tensor))
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _text(reader: Any, key: str) -> str:
    field = reader.get_field(key)
    if field is None:
        raise ValueError(f"no {key}")
    return str(field.contents())


def _file_type(types: Any, precision: Precision) -> Any:
    return types[f"MOSTLY_{precision}"]


def _copy_metadata(reader: Any, writer: Any, file_type: int) -> None:
    from gguf import GGUFValueType

    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kind, *inner = field.types
        value = file_type if field.name == "general.file_type" else field.contents()
        element = inner[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, value, kind, element)


def _converted(tensor: Any, kind: Any) -> Content:
    from gguf import GGMLQuantizationType, dequantize, quantize

    full = (GGMLQuantizationType.F32, GGMLQuantizationType.F16, GGMLQuantizationType.BF16)
    if tensor.tensor_type in (*full, kind):
        return tensor.data, None, tensor.tensor_type
    return quantize(dequantize(tensor.data, tensor.tensor_type), kind), None, kind
