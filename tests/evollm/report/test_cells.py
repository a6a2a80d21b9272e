"""Finished cells are found again, by what was run and by its version."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evollm import EvollmError
from evollm.report.cells import Cells
from tests.support_each import each

CELL = {"method": "a", "seed": 0}


def test_a_cell_is_found_again_whatever_the_order_of_its_axes(tmp_path: Path) -> None:
    Cells(tmp_path, "method").put(CELL, {"value": 1.5})
    assert Cells(tmp_path, "method").get({"seed": 0, "method": "a"}) == {"value": 1.5}
    assert Cells(tmp_path, "method").get({"seed": 1, "method": "a"}) is None


def test_a_version_is_not_read_from_the_cells_of_another(tmp_path: Path) -> None:
    cells = Cells(tmp_path, "method")
    cells.put(CELL, {"value": 1})
    assert cells.get(CELL, 2) is None
    cells.put(CELL, {"value": 2}, 2)
    again = Cells(tmp_path, "method")
    assert [again.get(CELL, version) for version in (1, 2, 3)] == [{"value": 1}, {"value": 2}, None]


def test_cells_of_version_1_do_not_name_it(tmp_path: Path) -> None:
    Cells(tmp_path, "method").put(CELL, {"value": 1})
    text = (tmp_path / "a.jsonl").read_text()
    assert text == '{"cell": {"method": "a", "seed": 0}, "found": {"value": 1}}\n'


def test_threads_share_a_file(tmp_path: Path) -> None:
    cells = Cells(tmp_path, "method")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: cells.put({**CELL, "seed": i}, {"value": i}), range(200)))
    again = Cells(tmp_path, "method")
    assert [again.get({**CELL, "seed": i}) for i in range(200)] == [
        {"value": i} for i in range(200)
    ]


@each("line", ["{", "[]", "1", '{"found": {}}'])
def test_a_line_that_is_no_cell_is_named(line: str, tmp_path: Path) -> None:
    Cells(tmp_path, "method").put(CELL, {})
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(EvollmError, match=r"line 2 of .*a\.jsonl is not a finished cell"):
        Cells(tmp_path, "method")
