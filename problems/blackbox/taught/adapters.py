"""Which adapter a search of numbers uses: the one that comes with the package, another, or none."""

from pathlib import Path

from evollm.errors import EvollmError
from evollm.paths import anchored

DEFAULT, NONE = "default", "none"
FILE = Path(__file__).with_name("default.gguf")
RECORD = Path(__file__).with_name("default.json")


def adapter_of(name: str | Path | None) -> Path | None:
    """Return the file of an adapter; None for no adapter.

    Args:
        name: ``"default"``, ``"none"`` or None, or a GGUF file; or a folder that ``evollm tune``
            wrote.

    Raises:
        EvollmError: If there is no such file.
    """
    if name is None or name == NONE:
        return None
    if name == DEFAULT:
        return FILE
    path = anchored(name)
    file = path / "adapter.gguf" if path.is_dir() else path
    if not file.is_file():
        raise EvollmError(
            f"there is no adapter {file}: give a GGUF file, a folder that evollm tune wrote, "
            f"'{DEFAULT}' or '{NONE}'"
        )
    return file
