"""The compression command: runs, resumed and shown; dry runs; and refusals in one sentence."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evollm.cli.main import main
from tests.evollm.support_terminal import evollm, refusal, rows
from tests.problems.compression.support_search import Made
from tests.support_each import each

FILES = {"levels.json", "levels.png", "convergence.png", "model"}


@each(
    ("kind", "more"),
    [
        ("depth", ["--drop", 0.5]),
        ("depth", ["--drop", 0.5, "--whole-blocks", "--metric", "perplexity"]),
        ("quantization", ["--bits", 3, "--group-size", 16]),
        ("quantization", ["--bits", 2.5, "--group-size", 0, "--group-rule", "none"]),
        ("quantization", ["--bits", 5, "--choices", "4,8", "--group-size", 16, "--method", "rtn"]),
        ("sparsity", ["--sparsity", 0.6, "--cap", 2, "--method", "wanda"]),
        ("joint", ["--drop", 0.25, "--bits", 3, "--group-size", 16]),
    ],
)
def test_every_kind_runs(
    kind: str, more: list[Any], tiny: Made, tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / f"{kind}{len(more)}"
    call = ["run", "compression", "--kind", kind, *map(str, more), *tiny.options()]
    assert main([*call, "--quiet", "--path", str(path), "--database", str(path / "levels")]) == 0
    said = capsys.readouterr().out
    assert re.search(r"whole model: perplexity \d+", said)
    assert re.search(r"^chosen +[\d.e-]+ +[\d.e-]+ +[\d.]+$", said, re.M)
    assert {file.name for file in path.iterdir()} >= FILES
    held = json.loads((path / "levels.json").read_text())
    assert held["kind"] == kind
    assert held["bytes"] <= held["budget"]


def test_a_run_is_resumed_and_shown(tiny: Made, tmp_path: Path) -> None:
    call = ["run", "compression", "--drop", 0.5, *tiny.options("--quiet")]
    done = evollm(*call, "--path", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    before = len(rows(tmp_path / "run", "SELECT * FROM outcomes"))
    again = evollm("resume", "run", "--generations", 6, "--quiet", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert len(rows(tmp_path / "run", "SELECT * FROM outcomes")) == before + 2 * (4 + 3)
    shown = evollm("show", "run", folder=tmp_path).stdout
    assert "nats per token (KL divergence) at " in shown


def test_a_dry_run_says_the_tokens_and_makes_no_levels(tiny: Made, tmp_path: Path) -> None:
    call = ["run", "compression", "--kind", "joint", "--drop", 0.25, "--group-size", 16]
    before = sorted(tmp_path.iterdir())
    call += ["--database", str(tmp_path / "levels"), *tiny.options("--dry-run")]
    dry = evollm(*call, folder=tmp_path)
    assert dry.returncode == 0, dry.stderr
    said = dict(line.split(maxsplit=1) for line in dry.stdout.splitlines()[3:])
    assert said["search"] == f"at most {3 * 24 + 4 * (4 * 24 + 3 * 48):,} tokens"
    assert said["levels"].startswith("140, made once from 96 tokens")
    assert re.match(r"at most about [\d,]+, an estimate", said["seconds"])
    assert sorted(tmp_path.iterdir()) == before


@each(
    ("more", "message"),
    [
        (("--bits", "3"), "--bits is not an option of --kind depth: leave it out"),
        (("--kind", "sparsity", "--method", "gptq"), "--method of sparsity must be magnitude, wan"),
        (("--kind", "sparsity", "--drop", "0.5"), "--drop is not an option of --kind sparsity"),
        (("--kind", "quantization", "--choices", "2;3"), "--choices must be bits with commas"),
        (("--kind", "quantization", "--bits", "7"), "--bits must be more than 2 and less than 6"),
        (("--stages", "2@x"), "--stages must be survivors and tokens such as 8@2048,1@16384"),
        (("--super-fast", "--schedule", "paper"), "--super-fast contradicts --schedule paper"),
        (("--drop", "0.1"), "--drop must be at least 0.25 and less than 1 for 4 blocks"),
        (("--text", "nowhere.txt"), "there is no prose or file nowhere.txt"),
        (("--database", "/dev/null/db"), "/dev/null/db can't be a folder, as /dev/null is a file"),
        (("--path", "/dev/null/run"), "/dev/null/run can't be a folder, as /dev/null is a file"),
        (
            ("--kind", "quantization", "--carry", "7"),
            "--carry must be one of the levels, 2, 3, 4, 5, 6 bits, not 7",
        ),
        (("--kind", "sparsity", "--carry", "2"), "--carry must be less than 1, a share of zeros"),
        (("--checkpoint", "packed"), "--checkpoint must not be packed for depth, but for quant"),
        (
            ("--kind", "quantization", "--group-size", "16", "--checkpoint", "packed"),
            "--checkpoint must not be packed with levels of 2, 3, 4, 5, 6 bits.* but 2,3,4,8: ch",
        ),
        (("--kind", "quantization", "--group-size", "7"), "--group-size"),
        (("--front", "--kind", "joint"), "--front is for --kind depth, spars.* not joint: leave"),
        (("--front", "--kind", "gguf"), "--front is for --kind depth, spars.* not gguf: leave"),
        (("--check",), "hardly better than chance among 320 tokens: .* leave this check out"),
        (
            ("--model", "m", "--base-url", "http://localhost:1/v1"),
            "a model is compressed in this process",
        ),
    ],
)
def test_mistakes_are_refused_in_one_sentence(
    more: tuple[str, ...], message: str, tiny: Made, tmp_path: Path
) -> None:
    options = tiny.options()
    if "--stages" in more:
        place = options.index("--stages")
        del options[place : place + 2]
    before = sorted(tmp_path.iterdir())
    said = refusal(evollm("run", "compression", *options, *more, folder=tmp_path))
    assert re.search(message, said)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.model
def test_the_offline_model_is_compressed(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "run"
    call = ["run", "compression", "--drop", "0.1", "--text", "python", "--generations", "2"]
    call += ["--stages", "1@64", "--offspring", "3", "--starts", "2", "--start-tokens", "64"]
    call += ["--window", "64", "--pool", "256", "--held-out-tokens", "256", "--quiet"]
    assert main([*call, "--path", str(path)]) == 0
    assert "offline: 30 blocks, 60 units" in capsys.readouterr().out
    assert {file.name for file in path.iterdir()} >= FILES
