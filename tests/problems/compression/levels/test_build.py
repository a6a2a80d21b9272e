"""Databases: built, interrupted, damaged, carried, streamed, refused."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from evollm.errors import EvollmError
from evollm.llm.files import sha256
from evollm.llm.locks import grab
from problems.compression.layout import DENSE, Layout, Level
from problems.compression.levels.build import LOCK, build
from problems.compression.levels.calibration import replaced
from problems.compression.levels.database import Levels
from problems.compression.levels.hessian import error
from problems.compression.levels.settings import LevelSettings, Method
from problems.lm import LM
from problems.lm.blocks import Blocks
from problems.lm.streaming import stream
from tests.problems.compression.levels.support_levels import BITS, GPTQ, WINDOWS, layout, sparse
from tests.problems.lm.conftest import Make
from tests.support_each import each

DOWN = "mlp.down_proj"
HALF = LevelSettings("sparsegpt", carry=0.5)


@pytest.fixture(scope="module")
def levels(lm: LM, tmp_path_factory: pytest.TempPathFactory) -> Levels:
    """All layers of a tiny llama at 2 to 4 bits."""
    return build(lm, layout(lm), GPTQ, WINDOWS, tmp_path_factory.mktemp("levels"))


def hashes(folder: Path) -> list[str]:
    return [sha256(file) for file in sorted(folder.glob("*.safetensors"))]


def test_each_level_is_closer_to_the_original(lm: LM, levels: Levels) -> None:
    original = lm.model.model.layers[1].mlp.down_proj.weight
    assert levels.weight(1, DOWN, DENSE).data_ptr() == original.data_ptr()
    away = [(levels.weight(1, DOWN, each) - original).square().mean() for each in BITS]
    errors = [levels.error(1, DOWN, level) for level in BITS]
    assert away == sorted(away, reverse=True)
    assert errors == sorted(errors, reverse=True)
    assert min(errors) > levels.error(1, DOWN, DENSE) == 0
    assert levels.levels(1, DOWN) == tuple(BITS)


def test_bytes_are_those_of_the_file(levels: Levels) -> None:
    for level in BITS:
        kept = levels.codes(0, DOWN, level)
        size = sum(tensor.nbytes for tensor in kept.tensors().values())
        assert levels.nbytes(0, DOWN, level) == size
        assert torch.equal(kept.weights(torch.float32), levels.weight(0, DOWN, level))


@each("method", ["rtn", "gptq", "magnitude", "wanda", "sparsegpt"])
def test_methods(lm: LM, tmp_path: Path, method: Method) -> None:
    """What is stored is what the errors are of; the second moments' diagonals are beside it."""
    settings = LevelSettings(method, group=16)
    made = layout(lm, [1]) if settings.kind == "bits" else sparse(lm, [1])
    found = build(lm, made, settings, WINDOWS, tmp_path)
    for unit in made.units:
        for level in unit.levels[:-1]:
            weights = found.weight(1, unit.name, level)
            assert 0 < found.error(1, unit.name, level) < 1
            if level.kind == "zeros":
                assert int((weights == 0).sum()) == level.value
                stored = found.stored(1, unit.name, level).tensors().values()
                size = sum(tensor.nbytes for tensor in stored)
                assert found.nbytes(1, unit.name, level) == size
        assert found.squares(1, unit.name).shape == weights.shape[1:]


def test_errors_are_by_the_inputs_that_a_layer_has(lm: LM, levels: Levels) -> None:
    """Of the first block, where nothing was carried."""
    given = []
    layer = lm.model.model.layers[0].mlp.down_proj
    hook = layer.register_forward_pre_hook(lambda _, arguments: given.append(arguments[0]))
    lm.model(torch.from_numpy(WINDOWS))
    hook.remove()
    inputs = given[0].flatten(0, 1)
    moments = inputs.T @ inputs / len(inputs)
    expected = error(layer.weight, levels.weight(0, DOWN, BITS[0]), moments)
    assert levels.error(0, DOWN, BITS[0]) == pytest.approx(expected, rel=1e-3)
    assert torch.allclose(levels.squares(0, DOWN), moments.diagonal(), atol=1e-6)


def test_later_blocks_see_the_level_that_is_carried(lm: LM, levels: Levels, tmp_path: Path) -> None:
    """Of the first block nothing changes."""
    dense = build(lm, layout(lm), replace(GPTQ, carry=None), WINDOWS, tmp_path)
    assert torch.equal(dense.squares(0, DOWN), levels.squares(0, DOWN))
    blocks = Blocks(lm)
    names = [layer.name for layer in blocks.linears[0]]
    carried = {name: levels.weight(0, name, Level("bits", 3)) for name in names}
    assert torch.allclose(dense.squares(1, DOWN), squares_of(lm), rtol=1e-4)
    with replaced(blocks, 0, carried):
        assert torch.allclose(levels.squares(1, DOWN), squares_of(lm), rtol=1e-4)
    assert not torch.allclose(levels.squares(1, DOWN), squares_of(lm), rtol=1e-2)


def squares_of(lm: LM) -> torch.Tensor:
    """Mean squares of a layer's inputs in the second block, by a forward pass of the model."""
    layer = lm.model.model.layers[1].mlp.down_proj
    given: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, arguments: given.append(arguments[0]))
    lm.model(torch.from_numpy(WINDOWS))
    hook.remove()
    return given[0].flatten(0, 1).square().mean(0)


def test_a_streamed_model_has_the_same_levels(lm: LM, levels: Levels, tmp_path: Path) -> None:
    streamed = build(stream(lm.name), layout(lm), GPTQ, WINDOWS, tmp_path)
    assert hashes(tmp_path) == hashes(levels.folder)
    assert torch.equal(streamed.weight(2, DOWN, DENSE), levels.weight(2, DOWN, DENSE))


def test_what_is_there_is_not_built_again(lm: LM, levels: Levels, monkeypatch: Any) -> None:
    monkeypatch.setattr("problems.compression.levels.build.Calibration", None)
    again = build(lm, layout(lm), GPTQ, WINDOWS, levels.folder)
    assert torch.equal(again.weight(0, DOWN, BITS[1]), levels.weight(0, DOWN, BITS[1]))


def test_a_killed_build_goes_on(lm: LM, levels: Levels, tmp_path: Path) -> None:
    """It dies between a file and the manifest; a draft of the third file is left, too."""
    module = "tests.problems.compression.levels.support_levels"
    command = [sys.executable, "-m", module, lm.name, str(tmp_path)]
    dead = subprocess.run(command, timeout=100, check=False, capture_output=True)
    assert dead.returncode == -signal.SIGKILL
    assert len(json.loads((tmp_path / "manifest.json").read_text())["sha256"]) == 1
    (tmp_path / "block-002.part").write_text("half a file")
    built: list[tuple[int, int]] = []
    build(lm, layout(lm), GPTQ, WINDOWS, tmp_path, lambda done, of: built.append((done, of)))
    assert built == [(2, 3), (3, 3)]
    assert hashes(tmp_path) == hashes(levels.folder)
    assert {file.name for file in tmp_path.iterdir()} == {
        *(f"block-00{block}.safetensors" for block in range(3)),
        *("manifest.json", LOCK),
    }


@each(("made", "settings"), [(layout, GPTQ), (sparse, HALF)], ids=["bits", "zeros"])
def test_a_damaged_file_is_found_and_made_anew_by_itself(
    lm: LM, tmp_path: Path, made: Any, settings: LevelSettings
) -> None:
    found = build(lm, made(lm), settings, WINDOWS, tmp_path)
    before, file = hashes(tmp_path), found.manifest.file(1)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.unlink()
    file.write_bytes(content)
    reread = Levels(tmp_path, lm)
    level = reread.levels(1, DOWN)[0]
    reread.weight(0, DOWN, reread.levels(0, DOWN)[0])
    with pytest.raises(EvollmError, match=r"block-001.safetensors is missing or damaged: build"):
        reread.weight(1, DOWN, level)
    built: list[int] = []
    again = build(lm, made(lm), settings, WINDOWS, tmp_path, lambda done, of: built.append(done))
    assert (built, hashes(tmp_path)) == ([2], before)
    again.weight(1, DOWN, level)


def test_builders_wait_for_each_other(lm: LM, levels: Levels, monkeypatch: Any) -> None:
    held: list[int | None] = []
    monkeypatch.setattr(
        "problems.compression.levels.build._opened",
        lambda folder, wanted: held.append(grab(folder / LOCK)) or levels.manifest,
    )
    build(lm, layout(lm), GPTQ, WINDOWS, levels.folder)
    assert held == [None]


def test_a_folder_of_the_cache_is_named_by_what_is_built(
    lm: LM, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("EVOLLM_CACHE", str(tmp_path))
    settings = LevelSettings("rtn", group=0)
    found = [
        build(lm, layout(lm, [0]), one, WINDOWS)
        for one in (settings, settings, replace(settings, group=16))
    ]
    assert found[0].folder == found[1].folder != found[2].folder
    assert found[0].folder.is_relative_to(tmp_path)


def test_what_is_refused(lm: LM, make: Make, levels: Levels, tmp_path: Path) -> None:
    def refused(settings: LevelSettings, made: Layout, folder: Path, message: str) -> None:
        with pytest.raises(EvollmError, match=message):
            build(lm, made, settings, WINDOWS, folder)

    uneven = "group must divide the 48 inputs of block 0 mlp.down_proj, which 32 does not"
    refused(replace(GPTQ, group=32), layout(lm), tmp_path, uneven)
    refused(HALF, layout(lm), tmp_path, "q_proj is to have 2 bits, which sparsegpt does not make")
    refused(GPTQ, layout(lm, bits=[]), tmp_path, "no layer is to be quantised or pruned")
    other = r"holds levels of another making \(its settings differs\): name another folder"
    refused(replace(GPTQ, carry=2), layout(lm), levels.folder, other)
    with pytest.raises(EvollmError, match=r"there is no level database in .*: build it first"):
        Levels(tmp_path / "nowhere", lm)
    with pytest.raises(EvollmError, match="are of another model or precision than"):
        Levels(levels.folder, make("qwen2"))
    with pytest.raises(EvollmError, match=r"has no level of 8 bits for block 0 mlp.down_proj"):
        levels.weight(0, DOWN, Level("bits", 8))
    with pytest.raises(EvollmError, match="damping must be 0 or more"):
        LevelSettings(damping=-1)


def test_weights_of_a_level_are_not_taken_for_original(
    lm: LM, levels: Levels, tmp_path: Path
) -> None:
    """Blocks that were made before are right, and stay."""
    carried = {DOWN: levels.weight(1, DOWN, BITS[0])}
    message = rf"the weights of block 1 {DOWN} are not those in the files of .*: restore them"
    with replaced(Blocks(lm), 1, carried), pytest.raises(EvollmError, match=message):
        build(lm, layout(lm), GPTQ, WINDOWS, tmp_path)
    build(lm, layout(lm), GPTQ, WINDOWS, tmp_path)
    assert hashes(tmp_path) == hashes(levels.folder)


def test_a_full_disk_is_noticed_beforehand(lm: LM, tmp_path: Path, monkeypatch: Any) -> None:
    import shutil

    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(EvollmError, match=r"the levels take 0\.0 GB, and .* has 0\.0 GB left"):
        build(lm, layout(lm), GPTQ, WINDOWS, tmp_path)
