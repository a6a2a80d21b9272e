"""Which model answers, its price, and its settings."""

import dataclasses
import logging
import subprocess
import sys

import pytest

from evollm.errors import EvollmError
from evollm.llm.base import Price
from evollm.llm.client.endpoint import Endpoint
from evollm.llm.client.settings import Settings
from evollm.llm.connect import connect


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
    assert "offline model answers" in caplog.text
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


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "-1,2", "nan,1", "inf,1"])
def test_odd_prices_are_refused(text: str) -> None:
    with pytest.raises(EvollmError, match="IN,OUT"):
        Price.parse(text)


@pytest.mark.parametrize(
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
