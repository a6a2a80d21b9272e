from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFReader

from evollm import EvollmError
from evollm.llm.offline import weights
from problems.compression.evaluation.stitched import Stitched
from problems.compression.export.folder import opened
from problems.compression.export.gguf.metadata import describe
from problems.compression.export.gguf.served import agreement, in_full
from problems.compression.export.gguf.source import TypedWeights
from problems.compression.export.gguf.types import BYTES, gguf_cost, rounded, typed
from problems.compression.export.gguf.write import export_gguf
from problems.compression.layout import DENSE, Genome, Layout, Level, Unit
from problems.lm.blocks import Blocks
from problems.lm.forward import logits
from problems.lm.load import load
from tests.problems.compression.export.gguf.support_gguf import mixed, tiny, types

WINDOWS = np.random.default_rng(0).integers(5, 320, (2, 20))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Blocks, Layout, Genome, Path]]:
    """A model with biases, types for its layers, and the folder that was written."""
    folder = tmp_path_factory.mktemp("gguf")
    blocks = tiny(folder / "whole", attention_bias=True)
    layout = types(blocks)
    genome = mixed(layout)
    export_gguf(blocks, layout, genome, folder / "made")
    return blocks, layout, genome, folder / "made"


def test_served_file_says_what_the_model_in_torch_says(
    made: tuple[Blocks, Layout, Genome, Path], tmp_path: Path
) -> None:
    blocks, layout, genome, folder = made
    ids = torch.tensor(WINDOWS)
    whole = logits(blocks.lm, ids).log_softmax(-1)
    stitched = Stitched(blocks, layout, TypedWeights(blocks))
    stitched.install(genome)
    try:
        own = logits(blocks.lm, ids).log_softmax(-1)
        moved = float((whole.exp() * (whole - own)).sum(-1).mean())
        same_weights = in_full(folder / "model.gguf", tmp_path / "full.gguf")
        exact = agreement(blocks.lm, same_weights, WINDOWS)
        served = agreement(blocks.lm, folder / "model.gguf", WINDOWS)
    finally:
        stitched.restore()
    assert exact.positions == served.positions == 38
    assert abs(exact.kl) < 1e-5
    assert served.kl < 1e-3 < moved


def test_transformers_reads_the_rounded_weights_back(
    made: tuple[Blocks, Layout, Genome, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks, layout, genome, folder = made
    monkeypatch.setenv("EVOLLM_CACHE", str(tmp_path))
    read = Blocks(load(str(folder / "model.gguf")))
    source = TypedWeights(blocks)
    for unit, level in zip(layout.units, layout.levels(genome), strict=True):
        wanted = source.weight(unit.block, unit.name, level)
        assert torch.equal(read.linear(unit.block, unit.name).weight, wanted), unit


def test_bytes_are_those_of_the_file(made: tuple[Blocks, Layout, Genome, Path]) -> None:
    _blocks, layout, genome, folder = made
    tensors = GGUFReader(folder / "model.gguf").tensors
    found = {tensor.name: int(tensor.n_bytes) for tensor in tensors}
    units = sum(found[name] for name in found if "norm" not in name and ".weight" in name)
    units -= found["token_embd.weight"] + found["output.weight"]
    assert units == layout.cost(genome)
    assert f'"checkpoint": {sum(found.values())}' in (folder / "ledger.json").read_text()
    assert opened(folder)["levels"][0]["self_attn.q_proj"] in BYTES


def test_another_file_gives_everything_but_the_layers(
    made: tuple[Blocks, Layout, Genome, Path], tmp_path: Path
) -> None:
    blocks, layout, _genome, folder = made
    other = mixed(layout, seed=1)
    export_gguf(blocks, layout, other, tmp_path / "anew")
    export_gguf(blocks, layout, other, tmp_path / "made", folder / "model.gguf")
    anew, found = (GGUFReader(tmp_path / name / "model.gguf") for name in ("anew", "made"))
    assert anew.fields.keys() == found.fields.keys()
    for one, two in zip(anew.tensors, found.tensors, strict=True):
        assert (one.name, one.tensor_type) == (two.name, two.tensor_type)
        assert np.array_equal(one.data, two.data)


def test_types_round_rows_by_themselves() -> None:
    torch.manual_seed(0)
    rows = torch.randn(6, 64)
    order = torch.randperm(6)
    errors = []
    for name in BYTES:
        level = typed(name)
        assert torch.equal(rounded(rows[order], level), rounded(rows, level)[order])
        assert gguf_cost(6, 64, level) == 12 * BYTES[name]
        errors.append(float((rounded(rows, level) - rows).square().mean()))
    assert errors[0] > errors[1] > errors[2] > errors[3] > errors[4] > 0


def test_mistakes_are_one_sentence(
    made: tuple[Blocks, Layout, Genome, Path], tmp_path: Path
) -> None:
    blocks, layout, genome, folder = made
    with pytest.raises(EvollmError, match="must be one of Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, not Q3"):
        typed("Q3_K")
    with pytest.raises(EvollmError, match="48 inputs of mlp must be a multiple of 32"):
        gguf_cost(32, 48, typed("Q4_0"), "mlp")
    bits = Layout((Unit(0, "mlp.up_proj", "mlp", 1, (Level("bits", 4), DENSE), (1, 2)),), 3)
    with pytest.raises(EvollmError, match="is 4 bits, which a GGUF file can't be"):
        export_gguf(blocks, bits, np.zeros(1, int), tmp_path / "out")
    with pytest.raises(EvollmError, match="can't be read as a GGUF file"):
        export_gguf(blocks, layout, genome, tmp_path / "out", folder / "ledger.json")
    small = tiny(tmp_path / "small", num_hidden_layers=2)
    with pytest.raises(EvollmError, match="has 3 blocks, and 2 were expected"):
        export_gguf(
            small, types(small), mixed(types(small)), tmp_path / "out", folder / "model.gguf"
        )
    narrow = tiny(tmp_path / "narrow", num_attention_heads=8)
    with pytest.raises(EvollmError, match="another shape than self_attn"):
        export_gguf(narrow, layout, genome, tmp_path / "out", folder / "model.gguf")
    gemma = tiny(tmp_path / "gemma", "gemma")
    with pytest.raises(EvollmError, match="is of the type gemma, which can't be written"):
        export_gguf(gemma, types(gemma), mixed(types(gemma)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Recorder:
    """What a writer is told."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Callable[[Any], None]:
        return lambda value: self.said.update({name.removeprefix("add_"): value})


@pytest.mark.model
def test_offline_model_is_described_as_by_its_own_file() -> None:
    recorder = Recorder()
    describe(Blocks(load()), recorder)
    fields = GGUFReader(weights.fetch(weights.OFFLINE, served=False)).fields

    def own(name: str) -> Any:
        return fields[name].contents()

    for name, field in {
        "context_length": "llama.context_length",
        "embedding_length": "llama.embedding_length",
        "feed_forward_length": "llama.feed_forward_length",
        "head_count": "llama.attention.head_count",
        "head_count_kv": "llama.attention.head_count_kv",
        "rope_freq_base": "llama.rope.freq_base",
        "rope_dimension_count": "llama.rope.dimension_count",
        "layer_norm_rms_eps": "llama.attention.layer_norm_rms_epsilon",
        "tokenizer_pre": "tokenizer.ggml.pre",
        "token_list": "tokenizer.ggml.tokens",
        "token_types": "tokenizer.ggml.token_type",
        "token_merges": "tokenizer.ggml.merges",
        "bos_token_id": "tokenizer.ggml.bos_token_id",
        "eos_token_id": "tokenizer.ggml.eos_token_id",
        "add_bos_token": "tokenizer.ggml.add_bos_token",
        "chat_template": "tokenizer.chat_template",
    }.items():
        assert recorder.said[name] == own(field), name
