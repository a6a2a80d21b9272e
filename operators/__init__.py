"""Variation operators: classical ones by genome, and those that a language model backs."""

try:
    import evollm.shadows  # noqa: F401
except ModuleNotFoundError as error:
    import sys

    found = getattr(sys.modules.get("evollm"), "__file__", None)
    raise ImportError(f"{found} hides the package 'evollm': rename it") from error
