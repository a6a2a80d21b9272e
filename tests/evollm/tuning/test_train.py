"""Adapters trained on a tiny model: what is learned, what a kill leaves, and what is refused."""

import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from evollm import EvollmError
from evollm.paths import TRAINING
from evollm.tuning.batches import batches, loss
from evollm.tuning.checkpoint import RECORD, check_folder
from evollm.tuning.examples import VALIDATION, Collection, Example, Mixture, load, save
from evollm.tuning.settings import TrainSettings
from evollm.tuning.train import Training, train
from tests.problems.lm.support_tiny import model, tokenizer
from tests.support_each import each

SETTINGS = TrainSettings(
    minutes=0, steps=40, rank=4, rate=2e-2, batch=8, warmup=4, validate=8, every=0.0
)


@dataclass(frozen=True)
class Copies:
    """Teaches to repeat a letter."""

    def examples(self, count: int, seed: int) -> list[Example]:
        drawn = np.random.default_rng(seed).choice(list("abcdef"), count)
        return [Example(f"{letter}{letter}\n", f"{letter}\n") for letter in drawn]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_loss_falls_and_the_files_are_peft_s(tmp_path) -> None:
    lines: list[dict] = []
    found = train(model("llama"), tokenizer(), Copies(), SETTINGS, tmp_path, lines.append)
    assert found.step == 40
    assert len(found.opening) == 3
    assert lines[-1]["validation"] < min(found.opening) - 0.2
    assert {"adapter_model.safetensors", "adapter_config.json", RECORD} <= {
        file.name for file in tmp_path.iterdir()
    }
    record = json.loads((tmp_path / RECORD).read_text())
    assert record["settings"]["steps"] == 40
    assert record["examples"] == 3 * 4 + 37 * 8


def test_an_interrupted_training_goes_on_and_a_finished_one_does_nothing(tmp_path) -> None:
    whole = train(model("llama"), tokenizer(), Copies(), SETTINGS, tmp_path / "whole")
    code = (
        "from pathlib import Path; from tests.evollm.tuning.test_train import *\n"
        f"if __name__ == '__main__': train(model('llama'), tokenizer(), Copies(), SETTINGS, "
        f"Path({str(tmp_path / 'cut')!r}))"
    )
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code])
    deadline = time.monotonic() + 120
    record = tmp_path / "cut" / RECORD
    while not (record.exists() and json.loads(record.read_text())["step"] >= 5):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    helpers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert helpers
    _, alive = psutil.wait_procs(helpers, timeout=max(1.0, deadline - time.monotonic()))
    assert not alive
    assert json.loads(record.read_text())["step"] < 40 or process.returncode == 0
    again = train(model("llama"), tokenizer(), Copies(), SETTINGS, tmp_path / "cut")
    assert again.step == whole.step
    assert again.opening == whole.opening
    assert again.losses[-1][3] == pytest.approx(whole.losses[-1][3], abs=0.3)
    assert train(model("llama"), tokenizer(), Copies(), SETTINGS, tmp_path / "cut") == again


def test_a_short_training_makes_no_more_steps_than_it_was_given(tmp_path) -> None:
    short = replace(SETTINGS, steps=2)
    assert train(model("llama"), tokenizer(), Copies(), short, tmp_path).step == 2


def test_a_graphics_card_gets_frozen_weights_of_half_the_size(tmp_path) -> None:
    half = replace(SETTINGS, precision="bfloat16")
    training = Training(model("llama"), tokenizer(), Copies(), half, tmp_path)
    training._halve()
    assert {one.dtype for one in training.model.parameters()} == {torch.float32}
    training.device = torch.device("cuda")
    training._halve()
    kinds = {(one.requires_grad, one.dtype) for one in training.model.parameters()}
    assert kinds == {(True, torch.float32), (False, torch.bfloat16)}


@each("capability", ["AVX2", "AVX512"])
def test_a_precision_that_the_processor_lacks_is_warned_of(
    capability: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    for precision in ("float32", "bfloat16"):
        chosen = replace(SETTINGS, precision=precision)
        Training(model("llama"), tokenizer(), Copies(), chosen, tmp_path)
    warned = [one.getMessage() for one in caplog.records if "bfloat16" in one.getMessage()]
    assert len(warned) == (capability == "AVX2")


def test_another_training_s_folder_is_refused(tmp_path) -> None:
    short = TrainSettings(minutes=0, steps=3, batch=4, validate=4)
    train(model("llama"), tokenizer(), Copies(), short, tmp_path)
    other = TrainSettings(minutes=0, steps=4, batch=4, validate=4)
    with pytest.raises(EvollmError, match=r"holds a training with other settings \(steps\)"):
        train(model("llama"), tokenizer(), Copies(), other, tmp_path)


def test_a_training_needs_a_limit_that_ends_and_a_folder(tmp_path) -> None:
    with pytest.raises(EvollmError, match="minutes must be finite: give 0 and steps"):
        TrainSettings(minutes=math.inf, steps=3)
    with pytest.raises(EvollmError, match="seed must be 0 or more, not -1"):
        TrainSettings(seed=-1)
    (tmp_path / "file").touch()
    with pytest.raises(EvollmError, match=r"can't be a folder, as .*file is a file: name another"):
        check_folder(tmp_path / "file")


def test_an_interrupt_keeps_what_is_done(tmp_path) -> None:
    training = Training(
        model("llama"), tokenizer(), Copies(), replace(SETTINGS, every=9.0), tmp_path
    )
    update = training._update

    def interrupted(*given: Any, **more: Any) -> Any:
        if training.progress.step == 7:
            raise KeyboardInterrupt
        return update(*given, **more)

    training._update = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        training.run(lambda line: None)
    assert json.loads((tmp_path / RECORD).read_text())["step"] == 7


def test_files_that_are_not_of_a_training_stay_as_they_are(tmp_path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(EvollmError, match="has files, but no training: name another folder"):
        train(model("llama"), tokenizer(), Copies(), SETTINGS, tmp_path)
    (tmp_path / TRAINING).write_text("junk")
    with pytest.raises(EvollmError, match="is no checkpoint of a training"):
        train(model("llama"), tokenizer(), Copies(), SETTINGS, tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_loss_that_is_no_number_ends_the_training(tmp_path) -> None:
    wild = replace(SETTINGS, rate=1e30, steps=6, warmup=0)
    with pytest.raises(EvollmError, match=r"no longer a number at step .*: name another folder"):
        train(model("llama"), tokenizer(), Copies(), wild, tmp_path)


def test_only_answers_count_and_each_as_much_as_its_weight() -> None:
    made, words = model("llama"), tokenizer()
    one, other = Example("aaa\n", "b\n"), Example("a\n", "cccccc\n", 3.0)
    alone = [float(loss(made, next(batches([each], words, "cpu", 99)))) for each in (one, other)]
    both = next(batches([one, other], words, "cpu", 99))
    assert both.weight == 4.0
    assert float(loss(made, both)) == pytest.approx((alone[0] + 3 * alone[1]) / 4, rel=1e-5)


def test_batches_hold_examples_of_similar_length() -> None:
    mixed = [Example("a" * n, "b") for n in (30, 1, 29, 2)]
    widths = [batch.ids.shape[1] for batch in batches(mixed, tokenizer(), "cpu", 64)]
    assert widths[0] < widths[1] / 3


def test_files_of_examples(tmp_path: Path) -> None:
    known = [Example("a\n", "b\n"), Example("c", "d", 2.0)]
    assert load(save(known, tmp_path / "examples.jsonl")) == known
    (tmp_path / "bad.jsonl").write_text('{"prompt": "a", "answer": "b"}\n{"prompt": "a"}\n')
    with pytest.raises(EvollmError, match=r"bad.jsonl:2 is not an example"):
        load(tmp_path / "bad.jsonl")
    with pytest.raises(EvollmError, match="no example to train on"):
        Collection(())
    with pytest.raises(EvollmError, match="give minutes or steps"):
        TrainSettings(minutes=0)
    for name, value in (("alpha", 0.0), ("alpha", math.nan), ("rate", math.inf)):
        with pytest.raises(EvollmError, match=f"{name} must be more than 0 and finite"):
            TrainSettings(**{name: value})  # type: ignore[arg-type]


def test_a_tenth_of_a_collection_is_for_validation_alone() -> None:
    teacher = Collection(tuple(Example("a", str(i)) for i in range(30)))
    mixed = Mixture((teacher,))
    for one in (teacher, mixed):
        trained = {example.answer for example in one.examples(400, 1)}
        held = {example.answer for example in one.examples(400, VALIDATION + 1)}
        assert held == {"0", "10", "20"}
        assert len(trained) == 27
        assert not trained & held
