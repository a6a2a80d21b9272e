"""Which model answers, its price, and its settings."""

import dataclasses
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from evollm.errors import EvollmError
from evollm.llm.base import Price
from evollm.llm.client.endpoint import Endpoint
from evollm.llm.client.settings import Settings
from evollm.llm.connect import connect, in_process, local
from evollm.llm.offline.model import Offline
from tests.support_each import each


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVOLLM_MODEL", "EVOLLM_PRICE", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_a_key_alone_selects_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with caplog.at_level(logging.INFO, "evollm"):
        model = connect()
    assert not isinstance(model, Endpoint) or model.base_url != "http://127.0.0.1:9/v1"
    assert "using the offline model" in caplog.text
    assert "sk-secret" not in caplog.text


def test_an_argument_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLLM_MODEL", "of-the-environment")
    assert connect().name == "of-the-environment"
    assert connect("named").name == "named"
    settings = Settings(concurrency=3)
    model = connect("named", "http://127.0.0.1:9/v1", settings)
    assert isinstance(model, Endpoint)
    assert (model.base_url, model.settings) == ("http://127.0.0.1:9/v1", settings)


def test_an_address_needs_a_model() -> None:
    with pytest.raises(EvollmError, match="EVOLLM_MODEL"):
        connect(base_url="http://127.0.0.1:9/v1")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(EvollmError, match=r"nowhere\.gguf"):
        connect("nowhere.gguf")


def test_a_hugging_face_model_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hf:HuggingFaceTB/SmolLM2-135M", "hf:gpt2"):
        with pytest.raises(EvollmError, match=r"prompts and model compression .*: name") as said:
            connect(name)
        assert str(said.value).startswith(f"{name} is a Hugging Face model")
    monkeypatch.setenv("EVOLLM_MODEL", "hf:gpt2")
    with pytest.raises(EvollmError, match="hf:gpt2"):
        connect()


def test_a_folder_is_the_one_gguf_file_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "owner/model"
    folder.mkdir(parents=True)
    with pytest.raises(EvollmError, match="contains no GGUF file; it may be a Hugging Face model"):
        local(str(folder))
    file = folder / "tiny.Q8_0.gguf"
    file.write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    assert [local(name) for name in (str(folder), "./owner/model", "owner/model")] == [file] * 3
    monkeypatch.chdir(tmp_path / "owner")
    assert local("model/") == file
    assert local("../owner/model").resolve() == file.resolve()  # type: ignore[union-attr]
    model = connect("./model")
    assert isinstance(model, Offline)
    assert model.service.model == file
    (folder / "other.gguf").write_bytes(b"GGUF")
    with pytest.raises(EvollmError, match=r"several GGUF files \(other.gguf, tiny.Q8_0.gguf\): na"):
        connect(str(folder))
    with pytest.raises(EvollmError, match=r"there is no folder .*nowhere"):
        connect("./nowhere")


def test_a_bare_name_is_an_endpoints_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gpt-x").mkdir()
    (tmp_path / "owner/model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    address = "http://127.0.0.1:9/v1"
    for name in ("gpt-x", "owner/model", "owner/absent"):
        assert connect(name, address).name == name
    assert connect("gpt-x").name == "gpt-x"
    assert connect("owner/absent").name == "owner/absent"


@each(
    ("name", "served", "own"),
    [
        ("offline", False, True),
        ("offline", True, True),
        ("hf:owner/model", True, True),
        ("model.gguf", True, True),
        ("./none", True, True),
        ("folder/", True, True),
        ("owner/model", False, True),
        ("owner/model", True, False),
        ("owner/none", False, False),
        ("gpt-4", False, False),
    ],
)
def test_a_process_runs_files_folders_and_models_of_the_hub(
    name: str, served: bool, own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "model").mkdir(parents=True, exist_ok=True)
    assert in_process(name, served) is own


def test_connecting_loads_no_client() -> None:
    code = (
        "import sys; from evollm.llm.connect import connect; connect('m');"
        "sys.exit('openai' in sys.modules or 'jsonschema' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_prices_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Price.parse("0.15, 0.6") == (0.15, 0.6)
    assert Price(2, 10).cost(1_000_000, 500_000) == 7
    assert Price.from_environment() is None
    monkeypatch.setenv("EVOLLM_PRICE", "1,2")
    assert Price.from_environment() == Price(1, 2)


@each("text", ["", "1", "1,2,3", "a,b", "-1,2", "nan,1", "inf,1"])
def test_odd_prices_are_refused(text: str) -> None:
    with pytest.raises(EvollmError, match="IN,OUT"):
        Price.parse(text)


@each(
    "wrong",
    [
        {"concurrency": 0},
        {"retries": 0},
        {"repairs": -1},
        {"timeout_s": 0},
        {"requests_per_minute": 0},
        {"tokens_per_minute": -5},
        {"max_wait_s": float("nan")},
        {"max_wait_s": float("inf")},
        {"timeout_s": float("inf")},
        {"known": frozenset({"speech"})},
    ],
)
def test_odd_settings_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(EvollmError, match=next(iter(wrong))):
        Settings(**wrong)  # type: ignore[arg-type]


def test_settings_are_records() -> None:
    first, second = Settings(price=(1, 2), options={"a": 1}), Settings(price=Price(1, 2))  # type: ignore[arg-type]
    assert dataclasses.replace(first, options={}) == second
    assert hash(first) == hash(second)
