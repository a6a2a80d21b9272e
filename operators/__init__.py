"""Variation operators: classical ones by kind of genome, and those backed by a language model."""

try:
    import evollm.shadows  # noqa: F401
except ModuleNotFoundError as error:
    import sys

    found = getattr(sys.modules.get("evollm"), "__file__", None)
    raise ImportError(f"{found} hides the package 'evollm': rename it") from error
