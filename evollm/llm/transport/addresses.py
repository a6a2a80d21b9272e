"""Addresses of endpoints: read from a base URL, with the proxy to them."""

import re
import socket
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from evollm.llm.base import ModelError
from evollm.llm.transport.keys import carries_key, sendable

OPENAI = "https://api.openai.com/v1"
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LOCAL_ENDINGS = (".local", ".internal", ".lan", ".home.arpa", ".intranet")


def split_url(text: str) -> tuple[str, dict[str, str]]:
    """Return a base URL without its query, and the query's parameters.

    Raises:
        ModelError: If it is not the address of an endpoint.
    """
    parts = _parts(text.strip())
    if parts.username or parts.password:
        raise ModelError("put the key in OPENAI_API_KEY, not into the base URL")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if carries_key(query):
        raise ModelError(
            f"the base URL at {parts.hostname} contains a key in its query: put it in an "
            "environment variable and name that in Settings(query={'NAME': '$VARIABLE'})"
        )
    path = parts.path.rstrip("/")
    for end in ("/chat/completions", "/completions"):
        if path.endswith(end):
            raise ModelError(
                f"the base URL {text!r} must not end in {end}, which is added to it: remove that"
            )
    return urlunsplit((parts.scheme, parts.netloc, path, "", "")), query


def _parts(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError as fault:
        raise ModelError(f"the base URL {shown(text)!r} is malformed ({fault}): fix it") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ModelError(f"the base URL {shown(text)!r} must begin with http:// or https://")
    if port == 0 or parts.fragment or not sendable(text) or " " in text:
        raise ModelError(
            f"the base URL {shown(text)!r} is malformed: it needs a port of 1 to 65535 or none, "
            "no fragment, and no spaces"
        )
    return parts


def shown(text: str) -> str:
    """Return a URL, even a malformed one, without passwords and keys."""
    return re.sub(r"//[^/@]*@", "//***@", text.partition("?")[0])


def is_loopback(url: str) -> bool:
    """Return whether an address names this machine."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback or address.is_unspecified)


def is_private(url: str) -> bool:
    """Return whether an address is in a private network, so that a key may not be needed.

    Host names are resolved.
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return ip_address(host).is_private
    except ValueError:
        pass
    if "." not in host or host.endswith(_LOCAL_ENDINGS):
        return True
    try:
        found = {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ip_address(address).is_private for address in found)


def proxy_to(url: str) -> str | None:
    """Return the proxy that the environment names for an address; None on this machine.

    It is read from ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``ALL_PROXY``; ``NO_PROXY`` may contain
    networks such as ``10.0.0.0/8``.
    """
    from urllib.request import getproxies, proxy_bypass

    if is_loopback(url):
        return None
    parts = urlsplit(url)
    named = getproxies()
    proxy = named.get(parts.scheme) or named.get("all")
    host = parts.hostname or ""
    if not proxy or proxy_bypass(host) or _in_networks(host, named.get("no", "").split(",")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _in_networks(host: str, entries: Iterable[str]) -> bool:
    try:
        address = ip_address(host)
        return any(address in ip_network(one.strip(), False) for one in entries if "/" in one)
    except ValueError:
        return False


def unusable_proxy(proxy: str, why: str) -> ModelError:
    """Return the error for a proxy that can't be used."""
    return ModelError(
        f"the proxy {shown(proxy)} can't be used ({why}): correct it in HTTP_PROXY, HTTPS_PROXY "
        "or ALL_PROXY, or name the endpoint's host in NO_PROXY"
    )


def first_hop(url: str) -> tuple[str, int, str]:
    """Return host, port and description of a request's first hop: the proxy or the endpoint.

    Raises:
        ModelError: If it is a proxy whose URL is malformed.
    """
    proxy = proxy_to(url)
    try:
        parts = urlsplit(proxy or url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError as fault:
        raise unusable_proxy(str(proxy), str(fault)) from None
    if not parts.hostname or port is None:
        raise unusable_proxy(str(proxy), "it has no host, or its scheme is neither http nor socks5")
    return parts.hostname, port, f"proxy {shown(proxy)}" if proxy else f"endpoint {url}"
