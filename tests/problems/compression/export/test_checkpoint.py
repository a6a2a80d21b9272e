import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from evollm import EvollmError
from problems.compression.evaluation.stitched import Stitched
from problems.compression.export.checkpoint import export
from problems.compression.export.codes import dequantised
from problems.compression.export.files import write_weights
from problems.compression.export.folder import opened
from problems.compression.layout import DENSE, DROP, Layout, Level, Unit
from problems.lm.blocks import Blocks
from problems.lm.load import load
from problems.lm.streaming import stream
from tests.problems.compression.export.support_export import (
    Rounded,
    answers,
    genome,
    reloaded,
    silenced,
    tiny,
    units,
)
from tests.support_each import each

FAMILIES = {
    "llama": {},
    "llama-tied": {},
    "mistral": {},
    "qwen2": {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 2},
    "qwen3": {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    "phi": {},
    "phi3": {},
    "gemma": {},
    "gemma2": {},
    "gemma3": {},
}
GONE = ((0, "mlp"), (1, "attention"), (1, "mlp"))
"""Of the first of three blocks a part, and all of the second."""
PACKAGE = "compressed_tensors"
needs_package = pytest.mark.skipif(
    find_spec(PACKAGE) is None, reason="compressed-tensors is not installed"
)


@each("family", FAMILIES)
def test_answers_as_in_memory(family: str, tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole", family, **FAMILIES[family])
    layout, source = units(blocks), Rounded(blocks)
    levels = genome(layout, GONE)
    with silenced(blocks, layout, levels, source):
        wanted = answers(blocks)
    made = export(blocks, layout, levels, tmp_path / "made", source, form="dense")
    torch.testing.assert_close(reloaded(made.folder), wanted, rtol=0, atol=1e-5)
    assert json.loads((made.folder / "config.json").read_text())["num_hidden_layers"] == 2


@needs_package
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, when the package is imported
@each("family", FAMILIES)
def test_packed_answers_as_dequantised(family: str, tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole", family, **FAMILIES[family])
    layout, source = units(blocks), Rounded(blocks)
    levels = genome(layout, GONE)
    with silenced(blocks, layout, levels, source):
        wanted = answers(blocks)
    made = export(blocks, layout, levels, tmp_path / "made", source)
    assert made.form == "packed"
    torch.testing.assert_close(reloaded(made.folder), wanted, rtol=0, atol=1e-4)


def depth(blocks: int, *, fixed: int = 0) -> Layout:
    """Attention and MLP of each block, kept or dropped."""
    return Layout(
        tuple(
            Unit(index, part, part, size, (DROP, DENSE), (0, 2 * size))
            for index in range(blocks)
            for part, size in (("attention", 3072), ("mlp", 4608))
        ),
        blocks,
        fixed,
    )


def test_dropped_blocks_leave_a_smaller_model(tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole")
    whole = export(blocks, depth(3), np.ones(6, np.int64), tmp_path / "same")
    small = export(blocks, depth(3), np.array([1, 1, 0, 0, 1, 1]), tmp_path / "small")
    assert not small.remarks
    saved = whole.ledger.checkpoint - small.ledger.checkpoint
    assert saved == 4 * sum(p.numel() for p in blocks.modules[1].parameters())
    torch.testing.assert_close(reloaded(whole.folder), answers(blocks), rtol=0, atol=1e-5)


def test_a_part_that_is_dropped_alone_saves_no_bytes_and_that_is_said(tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole")
    made = export(blocks, depth(3), np.array([1, 1, 0, 1, 1, 1]), tmp_path / "made")
    assert made.ledger.checkpoint == sum(
        tensor.nbytes for tensor in blocks.lm.model.state_dict().values()
    )
    assert "attention of block 1" in made.remarks[0]
    assert "saves no bytes" in made.remarks[0]


def test_pruned_weights_are_zeros_in_place(tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole")
    level = Level("zeros", 500)
    unit = Unit(1, "mlp.up_proj", "mlp", 1536, (level, DENSE), (2264, 3072))
    made = export(blocks, Layout((unit,), 3), np.zeros(1, int), tmp_path / "out", Rounded(blocks))
    weights = load(str(made.folder)).model.model.layers[1].mlp.up_proj.weight
    assert int((weights == 0).sum()) == 500
    assert made.ledger.entries[0].counted == 2264
    assert "as large as before" in made.remarks[0]


def test_codes_beside_dense_weights_restore_them(tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole")
    layout = units(blocks, bits=(2, 3, 5, 6))
    levels = genome(layout, GONE)
    made = export(blocks, layout, levels, tmp_path / "made", Rounded(blocks))
    assert made.form == "dense"
    dense = load(str(made.folder)).model.state_dict()
    restored = dequantised(made.folder, torch.float32)
    assert len(restored) == sum(unit.linear for unit in layout.units) - 10
    for name, weights in restored.items():
        torch.testing.assert_close(dense[f"{name}.weight"], weights, rtol=0, atol=0)
    assert made.ledger.codes + layout.fixed == made.ledger.counted
    assert made.ledger.counted == layout.cost(levels) + layout.fixed


def test_ledger_accounts_for_every_byte_of_the_files(tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole")
    layout = units(blocks, bits=(2, 4, 8))
    levels = genome(layout, GONE[:1])
    made = export(blocks, layout, levels, tmp_path / "made", Rounded(blocks))
    with safe_open(made.folder / "model.safetensors", "pt") as held:
        sizes = {name: held.get_tensor(name).nbytes for name in held.keys()}  # noqa: SIM118
    assert made.ledger.checkpoint == sum(sizes.values())
    of_shapes = 16 * sum(name.endswith("weight_shape") for name in sizes)
    packed = [entry for entry in made.ledger.entries if entry.counted]
    assert sum(entry.checkpoint for entry in packed) - of_shapes == layout.cost(levels)
    written = json.loads((made.folder / "ledger.json").read_text())
    assert written["counted"] == layout.cost(levels) + layout.fixed
    assert str(written["counted"]) in made.ledger.table().text()


def test_tokenizer_and_generation_settings_travel_along(tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole")
    made = export(blocks, depth(3), np.ones(6, int), tmp_path / "made")
    along = {"tokenizer.json", "tokenizer_config.json", "generation_config.json"}
    for name in along:
        assert (made.folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_large_checkpoints_are_several_files(tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole")
    tensors = blocks.lm.model.state_dict()
    size = write_weights(tmp_path, tensors.items(), largest=40_000)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == size == sum(t.nbytes for t in tensors.values())
    read = {}
    for file in tmp_path.glob("model-*-of-*.safetensors"):
        found = load_file(file)
        assert sum(t.nbytes for t in found.values()) <= 40_960
        assert all(index["weight_map"][name] == file.name for name in found)
        read |= found
    assert len(set(index["weight_map"].values())) > 2
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)


def test_streamed_model_is_exported_block_by_block(tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole")
    blocks.lm.model.save_pretrained(tmp_path / "whole")
    streamed = Blocks(stream(str(tmp_path / "whole")))
    made = export(streamed, depth(3), np.array([1, 1, 0, 0, 1, 1]), tmp_path / "made")
    wanted = export(blocks, depth(3), np.array([1, 1, 0, 0, 1, 1]), tmp_path / "wanted")
    assert torch.equal(reloaded(made.folder), reloaded(wanted.folder))


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole")
    layout = units(blocks, bits=(3, 5))
    five = np.where([unit.linear for unit in layout.units], 1, 1)
    with pytest.raises(EvollmError, match="need a source"):
        export(blocks, layout, five, tmp_path / "made")
    with pytest.raises(EvollmError, match="no codes of 5 bits"):
        export(blocks, layout, five, tmp_path / "made", Rounded(blocks), form="packed")
    with pytest.raises(EvollmError, match="is left: drop fewer"):
        export(blocks, depth(3), np.zeros(6, int), tmp_path / "made")
    with pytest.raises(EvollmError, match="levels are for 2 blocks"):
        export(blocks, depth(2), np.ones(4, int), tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_killed_export_leaves_the_earlier_one(tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole")
    made = export(blocks, depth(3), np.ones(6, int), tmp_path / "made")
    before = opened(made.folder)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "made")], check=False)
    assert killed.returncode == -9
    assert opened(made.folder) == before
    assert (tmp_path / ".made.draft").exists()
    export(blocks, depth(3), np.array([1, 1, 0, 0, 1, 1]), tmp_path / "made")
    assert opened(made.folder)["blocks"] == [0, 2]
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "made"}


KILLED = """
import os, signal, sys
from problems.compression.export.folder import drafted
with drafted(sys.argv[1]) as draft:
    (draft / "config.json").write_text("{}")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_model_with_levels_in_it_is_exported_as_without(tmp_path: Path) -> None:
    blocks = tiny(tmp_path / "whole")
    layout = units(blocks)
    source = Rounded(blocks)
    one, other = genome(layout, GONE), genome(layout, seed=1)
    stitched = Stitched(blocks, layout, source)
    stitched.install(one)
    wanted = answers(blocks)
    stitched.install(other)
    made = export(blocks, layout, one, tmp_path / "made", source, form="dense")
    torch.testing.assert_close(reloaded(made.folder), wanted, rtol=0, atol=1e-5)


def test_a_packed_model_without_its_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = tiny(tmp_path / "whole")
    layout = units(blocks)
    made = export(blocks, layout, genome(layout), tmp_path / "made", Rounded(blocks))
    monkeypatch.setattr("problems.lm.sources.find_spec", lambda name: None)
    with pytest.raises(EvollmError, match="is packed, and compressed-tensors is not installed"):
        load(str(made.folder))
