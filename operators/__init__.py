"""Variation operators: classical ones by type of genome, and those that use a language model."""

try:
    import evollm.shadows  # noqa: F401
except ModuleNotFoundError as error:
    import sys

    found = getattr(sys.modules.get("evollm"), "__file__", None)
    raise ImportError(f"the file {found} hides the package 'evollm': rename it") from error
