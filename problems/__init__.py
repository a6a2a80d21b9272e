"""Systems: each combines a problem, operators and an algorithm."""

try:
    from evollm.shadows import check_shadows
except ModuleNotFoundError as error:
    import sys

    found = getattr(sys.modules.get("evollm"), "__file__", None)
    raise ImportError(f"the file {found} hides the package 'evollm': rename it") from error

check_shadows("operators")
