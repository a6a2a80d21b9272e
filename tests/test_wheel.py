"""The wheel and the source archive: what they hold, and what not."""

import tarfile
from pathlib import Path
from zipfile import ZipFile

from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent


def test_the_wheel_holds_three_typed_packages_and_nothing_else(tmp_path: Path) -> None:
    [file] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = ZipFile(file).namelist()
    tops = {name.split("/")[0] for name in names}
    packages = {"evollm", "operators", "problems"}
    assert {top for top in tops if not top.endswith(".dist-info")} == packages
    assert all(f"{name}/py.typed" in names for name in packages)


def test_the_source_archive_holds_what_the_tests_read(tmp_path: Path) -> None:
    [file] = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    documents = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "docs/systems.md"}
    assert documents | {"Makefile", "tests/test_docs.py", "notebooks/your_own.ipynb"} <= names
