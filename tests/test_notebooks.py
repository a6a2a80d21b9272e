"""Every notebook runs from its first cell to its last."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support_each import each

pytestmark = pytest.mark.model
ROOT = Path(__file__).parent.parent
SHORTER = {
    "minutes = 1.0": "minutes = 0.05",
    "validate=32": "validate=4, batch=2",
    "n=200": "n=8",
    "40, model=model": "10, model=model",
    "splits.select[:16], test=splits.test[:16]": "splits.select[:4], test=splits.test[:4]",
    "Schedule(4, 4, stages=((128, 2), (256, 1))": "Schedule(2, 2, stages=((64, 1),)",
    "held_out_tokens=1024": "held_out_tokens=256",
    "search(budget=Budget(evaluations=24)": "search(budget=Budget(evaluations=8)",
}
"""What is changed before a notebook is run, so that it takes less time."""
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def _read(file: Path) -> Any:
    return nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_runs(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVOLLM_MODEL", raising=False)
    book = _read(file)
    for cell in book.cells:
        for written, short in SHORTER.items():
            cell.source = cell.source.replace(written, short)
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells)
    assert not any(output.get("name") == "stderr" for cell in cells for output in cell.outputs)
    assert list(tmp_path.iterdir()) == []


@each("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_stored_outputs_are_whole_and_name_no_machine(file: Path) -> None:
    book = _read(file)
    nbformat.validate(book)
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    shown = "".join(str(output.get("text", "")) for cell in cells for output in cell.outputs)
    assert not any(place in shown for place in (str(ROOT), str(Path.home()), "/tmp/"))
