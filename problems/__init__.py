"""Systems: a problem, operators and an algorithm put together."""

try:
    from evollm.shadows import check_shadows
except ModuleNotFoundError as error:
    import sys

    found = getattr(sys.modules.get("evollm"), "__file__", None)
    raise ImportError(f"{found} hides the package 'evollm': rename it") from error

check_shadows("operators")
