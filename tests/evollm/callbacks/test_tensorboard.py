"""The callback for TensorBoard, its event files read back by TensorBoard's own reader."""

import logging
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, EvollmError, run
from evollm.callbacks.tensorboard import TensorBoard
from tests.evollm.callbacks.support_runs import SECRET, expected, search
from tests.evollm.support_parts import Sphere, plain

pytestmark = pytest.mark.skipif(
    find_spec("tensorboard") is None,
    reason="needs TensorBoard: pip install 'evollm[tensorboard]'",
)


def read(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    kept = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    kept.Reload()
    return kept


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    kept = read(folder)
    return {
        tag: [(event.step, pytest.approx(event.value)) for event in kept.Scalars(tag)]
        for tag in kept.Tags()["scalars"]
    }


def words(folder: Path, tag: str) -> str:
    return str(read(folder).Tensors(tag)[-1].tensor_proto.string_val[0], "utf-8")


def test_a_resumed_run_continues_its_log_without_repeating_a_point(tmp_path: Path) -> None:
    path, logs = tmp_path / "run", tmp_path / "logs"
    for evaluations in (25, 25, 60):  # in the middle of a step, again, and on
        found = search(evaluations, path, [TensorBoard(logs, every=0)])
    [folder] = logs.iterdir()
    assert len(list(folder.iterdir())) == 3
    assert scalars(folder) == expected(found)
    table = words(folder, "parameters")
    assert "| servers.0.api_key | *** |" in table
    assert "| servers.0.max_tokens | 8 |" in table
    assert "| seed | 1 |" in table
    assert not any(SECRET.encode() in file.read_bytes() for file in folder.iterdir())
    assert words(folder, "result").startswith("the budget of 60 evaluations is spent")
    assert "best" in words(folder, "result")


def test_a_run_that_was_recorded_without_a_log_is_logged_afterwards(tmp_path: Path) -> None:
    search(30, tmp_path)
    found = search(30, tmp_path, [TensorBoard()])
    assert scalars(tmp_path / "tensorboard") == expected(found)
    search(30, tmp_path / "other", [TensorBoard(tmp_path, name="tensorboard")])  # is taken
    assert scalars(tmp_path / "tensorboard-2") == expected(found)


def test_a_step_that_was_cut_in_half_is_written_anew(tmp_path: Path) -> None:
    search(30, tmp_path, [TensorBoard()])
    [file] = (tmp_path / "tensorboard").iterdir()
    content = file.read_bytes()
    file.write_bytes(content[: content.rindex(b"mean") + 6])  # as a kill or a full disk leaves it
    found = search(60, tmp_path, [TensorBoard()])
    assert scalars(tmp_path / "tensorboard") == expected(found)


def test_a_log_that_fails_is_one_warning_and_gets_all_when_it_works_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logs = tmp_path / "logs"
    board = TensorBoard(logs, name="one", every=0)
    logs.write_text("a file in its place")

    class Mend:
        def __call__(self, under_way: Any, individual: Any) -> None:
            if under_way.usage.evaluations > 20 and logs.is_file():
                while not caplog.messages:
                    time.sleep(0.01)
                logs.unlink()

    with caplog.at_level(logging.WARNING, "evollm"):
        found = search(40, None, [board, Mend()])
    assert found.usage.evaluations == 40
    [warning] = caplog.messages
    assert warning.startswith("TensorBoard did not get all of this run, which is not affected: ")
    assert scalars(logs / "one") == expected(found)


def test_what_a_user_gets_wrong_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvollmError, match="needs a folder for a run without a path"):
        run(plain(1), Sphere(), budget=Budget(20), callbacks=[TensorBoard()])
    (tmp_path / "file").touch()
    with pytest.raises(EvollmError, match="can't be a folder"):
        TensorBoard(tmp_path / "file")
    with pytest.raises(EvollmError, match="every must be a number of seconds, not -1"):
        TensorBoard(tmp_path, every=-1)
