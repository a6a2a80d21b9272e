"""The environment of workers: the caller's, without what is a secret by its name."""

import os
import re
from collections.abc import Collection, Mapping

from evollm.errors import EvollmError

THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""One thread for the numerical libraries of each worker, so that workers don't share processors."""

_WORDS = {"KEY", "KEYS", "TOKEN", "SECRET", "SECRETS", "CREDENTIAL", "CREDENTIALS", "PASSPHRASE"}
_ENDS = ("PASSWORD", "PASSWORDS", "PASSWD", "APIKEY")


def secret(name: str) -> bool:
    """Say whether a variable's name marks it as a secret.

    It does if one of its words, between underscores, in any case and without digits at its end, is
    KEY, TOKEN, SECRET, CREDENTIAL (or the plural of one of these, TOKENS apart) or PASSPHRASE, ends
    in PASSWORD, PASSWORDS, PASSWD or APIKEY, or is PWD after another word. So ``OPENAI_API_KEY``,
    ``HF_TOKEN``, ``AWS_ACCESS_KEY_ID`` and ``MYSQL_PWD`` are secrets; ``TOKENIZERS_PARALLELISM``,
    ``MAX_TOKENS``, ``KEYBOARD`` and ``PWD`` are not.
    """
    words = [word.rstrip("0123456789") for word in re.split(r"[^A-Z0-9]+", name.upper())]
    return any(word in _WORDS or word.endswith(_ENDS) for word in words) or "PWD" in words[1:]


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without its secrets, with ``THREADS`` and what is given."""
    own = {name: value for name, value in os.environ.items() if not secret(name)}
    return own | THREADS | dict(environment)


def forget(keep: Collection[str]) -> None:
    """Remove this process's secrets from its environment, but for some names and Ray's own."""
    for name in [one for one in os.environ if secret(one)]:
        if name not in keep and not name.startswith("RAY_"):
            del os.environ[name]


def checked(environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables for workers if they can be set.

    Raises:
        EvollmError: If they are not a mapping of names to texts.
    """
    if not isinstance(environment, Mapping):
        kind = type(environment).__name__
        raise EvollmError(f"give environment as a dict of names and texts, not as a {kind}")
    for name, value in environment.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            kind = type(value).__name__  # the value itself may be a secret
            raise EvollmError(f"environment holds texts: {name!r} can't be a {kind}, use str(...)")
        if not name or "=" in name or "\0" in name + value:
            raise EvollmError(f"{name!r} can't be set in an environment: choose another name")
    return dict(environment)
