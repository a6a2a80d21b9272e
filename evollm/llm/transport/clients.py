"""The HTTP client of one endpoint, independent of unrelated environment variables."""

import os
import ssl
from functools import cache
from importlib import import_module
from typing import Any

from evollm.llm.base import ModelError
from evollm.llm.transport.addresses import first_hop, is_loopback, shown, unusable_proxy
from evollm.llm.transport.keys import Route

_AMBIENT = ("OpenAI-Organization", "OpenAI-Project")


def client(way: Route, timeout_s: float) -> Any:
    """Return an ``openai.AsyncOpenAI`` for a route.

    For an endpoint on this machine, environment variables are ignored; otherwise proxies are used.

    Raises:
        ModelError: If the environment names a proxy or a certificate that can't be used.
    """
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient, omit

    proxy = way.proxy
    first_hop(way.url)
    try:
        # The proxy is chosen here, where its reachability is checked as well.
        http = DefaultAsyncHttpxClient(trust_env=False, proxy=proxy, verify=_trusted(way.url))
    except ImportError:
        raise unusable_proxy(str(proxy), "socks needs `pip install socksio`") from None
    except Exception as fault:  # the client's exception for a bad URL differs between versions
        if proxy is None:
            raise
        raise unusable_proxy(proxy, str(fault)) from None
    headers: dict[str, Any] = dict(way.headers)
    if is_loopback(way.url):
        own = {"Authorization": f"Bearer {way.key}"} if way.key else {}
        headers = {**dict.fromkeys([*_AMBIENT, *_ambient()], omit), **own, **headers}
    return AsyncOpenAI(
        base_url=way.url,
        api_key=way.key or "none",
        timeout=timeout_s,
        max_retries=0,
        default_headers=headers,
        default_query=dict(way.query),
        http_client=http,
    )


def request_headers(way: Route) -> dict[str, Any]:
    """Return the headers to add to the client's, without a bearer token if there is no key."""
    from openai import omit

    own = {name.lower() for name, _ in way.headers}
    return {"Authorization": omit} if way.key is None and "authorization" not in own else {}


@cache
def reply_type() -> Any:
    """Return the class of an HTTP reply, whose package differs between the client's versions."""
    from openai import DefaultAsyncHttpxClient

    package = DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0]
    return import_module(package).Response


def _ambient() -> list[str]:
    """Return the names of the headers that the client would take from the environment."""
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()
    named = [line.partition(":")[0].strip() for line in lines if ":" in line]
    return [name for name in named if name.lower() != "authorization"]


def _trusted(url: str) -> ssl.SSLContext | bool:
    """Return the certificates to trust: those named in the environment, or the default ones."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if is_loopback(url) or not (file or folder):
        return True
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except OSError as fault:
        raise ModelError(
            f"the certificates of SSL_CERT_FILE or SSL_CERT_DIR can't be read ({fault}): correct "
            f"the variable, which is needed to reach {shown(url)}"
        ) from None
