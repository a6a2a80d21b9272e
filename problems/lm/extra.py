"""The packages of the extra ``lm``: whether they are there, and how they keep quiet."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from evollm.errors import EvollmError


def require(*packages: str) -> None:
    """Check that packages are installed; without arguments, those that run any model.

    Raises:
        EvollmError: If one is missing.
    """
    missing = [name for name in packages or ("torch", "transformers") if not _there(name)]
    if missing:
        raise EvollmError(
            f"language models in this process need {' and '.join(missing)}: "
            "run `pip install 'evollm[lm]'`"
        )
    if "tqdm.auto" not in sys.modules and _there("tqdm"):
        with warnings.catch_warnings():  # in a notebook it asks for widgets when it is imported
            warnings.simplefilter("ignore")
            import_module("tqdm.auto")


def _there(name: str) -> bool:
    if name in sys.modules:
        return sys.modules[name] is not None
    return find_spec(name) is not None


@contextmanager
def quiet() -> Iterator[None]:
    """Let transformers show errors only, no advice and no progress bars, for a ``with`` block."""
    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
