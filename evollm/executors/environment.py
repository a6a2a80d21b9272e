"""The environment variables of workers: the caller's without its secrets."""

import os
import re
from collections.abc import Collection, Mapping
from typing import Any

from evollm.errors import EvollmError
from evollm.types import Problem, name_of

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_MODEL_KEYS = ("OPENAI_API_KEY",)
_WORDS = {"KEY", "KEYS", "TOKEN", "SECRET", "SECRETS", "CREDENTIAL", "CREDENTIALS", "PASSPHRASE"}
_ENDS = ("PASSWORD", "PASSWORDS", "PASSWD", "APIKEY")


def secret(name: str) -> bool:
    """Return whether a variable is a secret, judged by its name.

    The name is split into words at underscores; case and trailing digits are ignored. It is that of
    a secret if a word is KEY, TOKEN, SECRET, CREDENTIAL, a plural of these except TOKENS, or
    PASSPHRASE; if a word ends in PASSWORD, PASSWORDS, PASSWD or APIKEY; or if PWD follows another
    word. So ``OPENAI_API_KEY``, ``HF_TOKEN``, ``AWS_ACCESS_KEY_ID`` and ``MYSQL_PWD`` are secrets;
    ``TOKENIZERS_PARALLELISM``, ``MAX_TOKENS``, ``KEYBOARD`` and ``PWD`` are not.
    """
    words = [word.rstrip("0123456789") for word in re.split(r"[^A-Z0-9]+", name.upper())]
    return any(word in _WORDS or word.endswith(_ENDS) for word in words) or "PWD" in words[1:]


def threads(cpus: float) -> dict[str, str]:
    """Return variables that give a worker's numerical libraries one thread per processor.

    There is at least one thread. Workers then neither compete for processors nor leave some of
    their own idle.
    """
    return dict.fromkeys(_THREADS, str(max(1, int(cpus))))


def keys_for(problem: Problem[Any]) -> dict[str, str]:
    """Return the keys with which a problem's workers ask models; none if it asks none.

    A problem declares this by its attribute ``asks_model``: True means ``OPENAI_API_KEY``, a tuple
    names the variables that contain the keys. Unset variables are omitted.

    Raises:
        EvollmError: If the attribute has another value.
    """
    asks = getattr(problem, "asks_model", False)
    names = _MODEL_KEYS if asks is True else asks or ()
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise EvollmError(
            f"asks_model of {name_of(problem)} can't be {asks!r}: set it to True, or to a tuple of "
            "the names of the environment variables that hold the keys"
        )
    return {name: os.environ[name] for name in names if name in os.environ}


def inherited(environment: Mapping[str, str], cpus: float = 1) -> dict[str, str]:
    """Return this process's environment without its secrets, for a worker.

    Args:
        environment: Variables that are added to this process's or replace them.
        cpus: The worker's processors; see ``threads``.
    """
    own = {name: value for name, value in os.environ.items() if not secret(name)}
    return own | threads(cpus) | dict(environment)


def forget(keep: Collection[str]) -> None:
    """Remove the secrets from this process's environment, except some names and Ray's own."""
    for name in [one for one in os.environ if secret(one)]:
        if name not in keep and not name.startswith("RAY_"):
            del os.environ[name]


def checked(environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables for workers after checking that they can be set.

    Raises:
        EvollmError: If they are not a mapping from names to strings.
    """
    if not isinstance(environment, Mapping):
        kind = type(environment).__name__
        raise EvollmError(f"environment must be a dict from names to strings, not a {kind}")
    for name, value in environment.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            kind = type(value).__name__  # the value is not shown, as it may be a secret
            raise EvollmError(
                f"names and values in environment must be strings, unlike {name!r} with its "
                f"{kind}: use str(...)"
            )
        if not name or "=" in name or "\0" in name + value:
            raise EvollmError(f"{name!r} can't be set in an environment: choose another name")
    return dict(environment)
