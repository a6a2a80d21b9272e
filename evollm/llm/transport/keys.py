"""The key, headers and query of a request, and which of them are secret."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from evollm.llm.base import ModelError

_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")
_HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_SECRET_WORDS = {
    *("apikey", "auth", "authorization", "cookie", "credential", "key", "password"),
    *("secret", "sig", "signature", "token"),
}


@dataclass(frozen=True, slots=True)
class Route:
    """Everything that a client needs to send a request.

    Attributes:
        url: The base URL, without a query.
        key: Key sent as a bearer token; None if a header contains the key.
        headers: Additional headers of every request.
        query: Query parameters of every request.
        secrets: Strings that must not appear in any text: the key and values from the environment.
        proxy: The proxy to use, or None.
    """

    url: str
    key: str | None = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    proxy: str | None = field(default=None, repr=False)


def route(
    url: str,
    key: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    proxy: str | None = None,
) -> Route:
    """Return the route to an endpoint, with environment variables in headers and query expanded.

    Args:
        url: The base URL.
        key: The key; empty for none.
        headers: By name; ``$NAME`` in a value stands for an environment variable.
        query: In the same form.
        proxy: The proxy to use.

    Raises:
        ModelError: If a variable is not set, or its value can't be sent.
    """
    values = {name: _from_environment(name) for name in variables(headers, query)}
    filled = [
        tuple((name, _VARIABLE.sub(lambda found: values[found[1]], text)) for name, text in part)
        for part in (headers.items(), query.items())
    ]
    bearer = key or (None if carries_key(headers) or carries_key(query) else "none")
    secrets = tuple(filter(None, [key, *values.values()]))
    return Route(url, bearer, filled[0], filled[1], secrets, proxy)


def variables(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, ...]:
    """Return the environment variables that headers and query name."""
    values = [*headers.values(), *query.values()]
    return tuple(name for value in values for name in _names(value))


def carries_key(given: Mapping[str, str]) -> bool:
    """Return whether the name of a header or query parameter is that of a key."""
    return any(_SECRET_WORDS & set(re.split(r"[^a-z]+", name.lower())) for name in given)


def check_extras(what: str, given: Mapping[str, str]) -> None:
    """Check headers or query parameters before they are used.

    Args:
        what: Their name in an error: ``headers`` or ``query``.
        given: By name.

    Raises:
        ModelError: If one can't be sent, or contains a key that should come from the environment.
    """
    for name, value in given.items():
        if not isinstance(name, str) or not _HEADER.fullmatch(name):
            raise ModelError(f"the name {name!r} in the setting {what} can't be sent: rename it")
        if not isinstance(value, str) or not sendable(value):
            raise ModelError(
                f"the value of {name!r} in the setting {what} can't be sent: use printable ASCII "
                "characters only"
            )
        if carries_key({name: value}) and not _names(value):
            raise ModelError(
                f"{name!r} in the setting {what} is a key: put it in an environment variable and "
                f"give the variable's name, such as {name}='$MY_KEY', so that it is never recorded"
            )


def clean_key(key: str, source: str) -> str:
    """Return a key without white space around it.

    Args:
        key: The given key.
        source: The name of its source in error messages.

    Raises:
        ModelError: If it can't be sent in a header.
    """
    key = key.strip()
    if not sendable(key):
        raise ModelError(
            f"the key in {source} can't be sent because it contains a character that is not "
            "printable ASCII, such as a line break or a typographic quote: copy it again"
        )
    return key


def _from_environment(name: str) -> str:
    value = clean_key(os.environ.get(name, ""), name)
    if not value:
        raise ModelError(
            f"the environment variable {name}, which the settings name, is not set: set it"
        )
    return value


def _names(value: str) -> list[str]:
    return _VARIABLE.findall(value)


def sendable(text: str) -> bool:
    """Return whether a text may be part of a header or an address."""
    return text.isascii() and text.isprintable()
