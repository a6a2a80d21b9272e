"""The packages of the extra ``lm``."""

import sys
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


def _there(name: str) -> bool:
    if name in sys.modules:
        return sys.modules[name] is not None
    return find_spec(name) is not None
