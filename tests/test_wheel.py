"""The wheel: what an installation puts beside other packages."""

from pathlib import Path
from zipfile import ZipFile

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent


def test_the_wheel_holds_three_typed_packages_and_nothing_else(tmp_path: Path) -> None:
    [file] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = ZipFile(file).namelist()
    tops = {name.split("/")[0] for name in names}
    packages = {"evollm", "operators", "problems"}
    assert {top for top in tops if not top.endswith(".dist-info")} == packages
    assert all(f"{name}/py.typed" in names for name in packages)
