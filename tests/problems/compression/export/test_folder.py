import json
from pathlib import Path

import pytest

from evollm import EvollmError
from problems.compression.export.codes import read_codes
from problems.compression.export.folder import NOTE, drafted, opened, seal


def written(folder: Path, text: str = "one") -> Path:
    with drafted(folder) as draft:
        (draft / "a.txt").write_text(text)
        seal(draft, {"form": "dense"})
    return folder


def test_an_earlier_export_is_replaced(tmp_path: Path) -> None:
    folder = written(tmp_path / "new" / "made")
    written(folder, "two")
    assert (folder / "a.txt").read_text() == "two"
    assert opened(folder)["form"] == "dense"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    assert opened(written(tmp_path / "made"))


def test_other_folders_and_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "thesis.tex").write_text("years of work")
    (tmp_path / "file").write_text("more work")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("own", "file", "link"):
        with pytest.raises(EvollmError, match="not an earlier export"):
            written(tmp_path / name)
    assert (tmp_path / "own" / "thesis.tex").read_text() == "years of work"


def fail(folder: Path) -> None:
    with drafted(folder) as draft:
        (draft / "a.txt").write_text("half")
        raise ZeroDivisionError


def test_a_failed_export_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "made")
    assert not list(tmp_path.iterdir())


def test_a_half_written_folder_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "made")
    (folder / "a.txt").write_text("onx")
    with pytest.raises(EvollmError, match=r"a\.txt differs"):
        opened(folder)
    (folder / "a.txt").unlink()
    with pytest.raises(EvollmError, match=r"a\.txt is missing"):
        opened(folder)
    (folder / NOTE).write_text((folder / NOTE).read_text()[:20])
    with pytest.raises(EvollmError, match="not a complete export"):
        opened(folder)


def test_an_export_without_codes_says_so(tmp_path: Path) -> None:
    folder = written(tmp_path / "made")
    with pytest.raises(EvollmError, match="has no codes"):
        read_codes(folder)
    assert json.loads((folder / NOTE).read_text())["files"].keys() == {"a.txt"}
