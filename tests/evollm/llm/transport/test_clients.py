"""The way to an endpoint: proxies of the environment, headers, query parameters and keys."""

import logging
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from evollm.errors import EvollmError
from evollm.llm.base import ModelError, Sampling
from evollm.llm.client.endpoint import Endpoint
from evollm.llm.client.settings import Settings
from tests.evollm.llm.support_faulty import Server, endpoint
from tests.support_each import each

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("OPENAI_API_KEY", "EVOLLM_OFFLINE", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def remote(url: str = "http://llm.invalid/v1", **settings: Any) -> Endpoint:
    chosen = Settings(**{"cache": None, "retries": 1, **settings})
    return Endpoint("m", base_url=url, api_key="sk-secret", settings=chosen)


@each("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@each("proxy", [NOBODY, "socks5://127.0.0.1:9", "ftp://x", "http://:::", "x y"])
def test_no_proxy_stands_before_a_server_on_this_machine(
    name: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name.lower(), "")
    monkeypatch.setenv(name, proxy)
    with Server() as server:
        model = endpoint(server, retries=1)
        model.reach()
        assert model.complete(["a"], Sampling(seed=1))[0][0].text == "a/1"


def test_nothing_in_the_environment_affects_a_server_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-x")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-x")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Mine: x\nAuthorization: Bearer sk-other")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    with Server() as server:
        endpoint(server).complete(["a"])
    [seen] = server.seen
    assert seen.key == "Bearer sk-secret"
    assert not {"x-mine", "openai-organization", "openai-project"} & seen.headers.keys()


@each("name", ["HTTP_PROXY", "ALL_PROXY"])
def test_a_remote_endpoint_is_asked_through_the_proxy(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as proxy:
        monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        model = remote()
        model.reach()
        assert model.complete(["a"], Sampling(seed=1))[0][0].text == "a/1"
    assert proxy.seen[0].path == "http://llm.invalid/v1/chat/completions"


@each("past", ["llm.invalid", ".invalid", "*", "10.0.0.0/8,invalid"])
def test_hosts_in_no_proxy_are_asked_without_it(past: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", past)
        with pytest.raises(ModelError, match=r"endpoint http://llm.invalid/v1 can't be reached"):
            remote().reach()
    assert not proxy.seen


@each(
    ("proxy", "said"),
    [
        ("socks5://user:hunter2@127.0.0.1:9", "pip install socksio"),
        ("ftp://user:hunter2@127.0.0.1:9", "scheme"),
        ("http://user:hunter2@127.0.0.1:port", "[Pp]ort"),
        ("http://[::1", "IPv6"),
        ("http://", "no host"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_one_sentence(
    proxy: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "socks" in proxy:
        monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", proxy)
    for act in (remote().reach, lambda: remote().complete(["a"])):
        with pytest.raises(ModelError, match=said) as raised:
            act()
        assert "NO_PROXY" in str(raised.value)
        assert "hunter2" not in str(raised.value)


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://user:hunter2@127.0.0.1:9")
    with pytest.raises(
        ModelError, match=r"proxy http://\*\*\*@127.0.0.1:9 can't be reached within"
    ):
        remote().reach()
    with pytest.raises(ModelError, match=r"through the proxy http://\*\*\*@127.0.0.1:9 failed"):
        remote().complete(["a"])


def test_certificates_that_cannot_be_read_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    with pytest.raises(ModelError, match="SSL_CERT_FILE"):
        remote("https://llm.invalid/v1").complete(["a"])


def test_azure_is_asked_as_it_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its key is a header of its own, and its version a query parameter of the address."""
    monkeypatch.setenv("AZURE_KEY", " sk-of-azure\n")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    caplog.set_level(logging.DEBUG)
    with Server() as server:
        settings = Settings(
            cache=tmp_path / "c", headers={"api-key": "$AZURE_KEY", "x-team": "a b"}
        )
        url = server.url + "/deployments/d?api-version=2024-10-21"
        model = Endpoint("m", base_url=url, settings=settings)
        for one in (model, pickle.loads(pickle.dumps(model))):
            one.reach()
            assert one.complete(["a"], Sampling(seed=1))[0][0].text == "a/1"
    [seen] = server.seen  # the copy found the answer in the cache
    assert seen.path == "/v1/deployments/d/chat/completions?api-version=2024-10-21"
    assert (seen.headers["api-key"], seen.headers["x-team"]) == ("sk-of-azure", "a b")
    assert "authorization" not in seen.headers
    assert "sk-of-azure" not in repr(model) + caplog.text
    assert b"sk-of" not in pickle.dumps(model) + (tmp_path / "c").read_bytes()


def test_a_key_beside_a_header_is_sent_if_it_was_given() -> None:
    with Server() as server:
        endpoint(server, headers={"x-team": "a"}, query={"v": "1"}).complete(["a"])
    assert server.seen[0].key == "Bearer sk-secret"
    assert server.seen[0].path.endswith("?v=1")


@each(
    ("extras", "said"),
    [
        ({"headers": {"api-key": "sk-secret"}}, "environment variable"),
        ({"headers": {"Authorization": "Bearer sk-secret"}}, "environment variable"),
        ({"query": {"subscription_key": "sk-secret"}}, "environment variable"),
        ({"headers": {"a b": "x"}}, "can't be sent"),
        ({"headers": {"a": "x\n"}}, "can't be sent"),
        ({"headers": {"a": 1}}, "can't be sent"),
    ],
)
def test_extras_that_hold_a_key_or_cannot_be_sent_are_refused(
    extras: dict[str, Any], said: str
) -> None:
    with pytest.raises(EvollmError, match=said) as raised:
        Settings(**extras)
    assert "sk-secret" not in str(raised.value)


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_KEY", raising=False)
    with (
        Server() as server,
        pytest.raises(ModelError, match="variable AZURE_KEY"),
    ):
        endpoint(server, headers={"api-key": "$AZURE_KEY"}).complete(["a"])


def test_white_space_around_a_key_is_stripped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "\tsk-of-the-environment \r\n")
    with Server() as server:
        for key in (None, " sk-secret\n"):
            settings = Settings(cache=None)
            Endpoint("m", base_url=server.url, api_key=key, settings=settings).complete(["a"])
    assert [seen.key for seen in server.seen] == [
        "Bearer sk-of-the-environment",
        "Bearer sk-secret",
    ]


@each("key", ["sk-\nsecret", "sk-“secret”", "sk-\x00secret"])
def test_a_key_that_cannot_be_sent_is_refused_as_a_key_at_once(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as server:
        with pytest.raises(ModelError, match="the key in the argument api_key can't be sent"):
            Endpoint("m", base_url=server.url, api_key=key)
        if "\x00" not in key:
            monkeypatch.setenv("OPENAI_API_KEY", key)
            model = Endpoint("m", base_url=server.url, settings=Settings(cache=None))
            for act in (model.reach, lambda: model.complete(["a"])):
                with pytest.raises(ModelError, match="the key in OPENAI_API_KEY can't") as raised:
                    act()
                assert "secret" not in str(raised.value)
        assert not server.seen


@each(
    "url", ["http://10.1.2.3/v1", "http://192.168.0.7:8000", "http://gpu-box:8000/v1",
            "http://[fd00::1]:80/v1", "http://models.internal/v1"]
)  # fmt: skip
def test_a_server_in_a_private_network_needs_no_key(url: str) -> None:
    assert Endpoint("m", base_url=url).address() == (url, "")


@each("url", ["http://8.8.8.8/v1", "https://nowhere.invalid/v1"])
def test_a_server_elsewhere_needs_one(url: str) -> None:
    with pytest.raises(ModelError, match="needs a key: set OPENAI_API_KEY"):
        Endpoint("m", base_url=url).address()
