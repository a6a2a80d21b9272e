"""One test over many cases: each is checked, and all that fail are listed by name."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from evollm.llm.transport.formats import dialect

Test: TypeAlias = Callable[..., None]


def each(
    names: str | Sequence[str],
    cases: Iterable[Any],
    ids: Callable[[Any], str] | Sequence[str] | None = None,
) -> Callable[[Test], Test]:
    """Let a test check all cases, with the arguments of ``pytest.mark.parametrize``.

    Each case gets its own ``tmp_path`` and ``monkeypatch``, and output and warnings that are empty
    at its beginning; it shares other fixtures with the cases before it. Use ``parametrize`` instead
    where a case starts processes, may hang, or must have such a fixture for itself.
    """
    arguments = [one.strip() for one in names.split(",")] if isinstance(names, str) else list(names)
    rows = [_row(case, len(arguments)) for case in cases]
    assert rows, f"there are no cases of {names}"
    named = {_name(row, place, ids): row[1] for place, row in enumerate(rows)}
    assert len(named) == len(rows), f"two cases of {names} have one name"

    def decorate(test: Test) -> Test:
        signature = inspect.signature(test)
        fixtures = [one for key, one in signature.parameters.items() if key not in arguments]

        @wraps(test)
        def looped(*itself: Any, **given: Any) -> None:
            checks = {
                name: (test, itself, dict(zip(arguments, values, strict=True)))
                for name, values in named.items()
            }
            _check(checks, given)

        looped.__signature__ = signature.replace(parameters=fixtures)  # type: ignore[attr-defined]
        return looped

    return decorate


def forget() -> None:
    """Forget what was learnt of endpoints, for the next one may listen on the same port."""
    dialect.cache_clear()


def _check(checks: Mapping[str, tuple[Test, Sequence[Any], Mapping[str, Any]]], given: Any) -> None:
    failures: dict[str, BaseException] = {}
    skipped: list[BaseException] = []
    for place, (name, (test, itself, values)) in enumerate(checks.items()):
        forget()
        try:
            with ExitStack() as stack:
                test(*itself, **_fresh(given, place, stack), **values)
        except pytest.skip.Exception as error:
            skipped.append(error)
        except (Exception, pytest.fail.Exception) as error:
            failures[name] = error
    if failures:
        listed = "\n".join(f"  {name}: {_reason(error)}" for name, error in failures.items())
        first = next(iter(failures.values()))
        message = f"{len(failures)} of {len(checks)} cases fail:\n{listed}"
        raise pytest.fail.Exception(message) from first
    if len(skipped) == len(checks):
        raise skipped[0]


def _fresh(given: Mapping[str, Any], place: int, stack: ExitStack) -> dict[str, Any]:
    """Return the fixtures of a test, those of pytest as good as new."""
    fixtures = dict(given)
    for name, value in given.items():
        if isinstance(value, pytest.MonkeyPatch):
            fixtures[name] = stack.enter_context(pytest.MonkeyPatch.context())
        elif isinstance(value, pytest.CaptureFixture):
            value.readouterr()
        elif isinstance(value, pytest.LogCaptureFixture | pytest.WarningsRecorder):
            value.clear()
        elif name == "tmp_path" and isinstance(value, Path):
            fixtures[name] = value / str(place)
            fixtures[name].mkdir()
    return fixtures


def _row(case: Any, width: int) -> tuple[str | None, Sequence[Any]]:
    """Return a case's own name, if it has one, and its values."""
    if hasattr(case, "marks"):
        assert not case.marks, "a case with a mark needs parametrize"
        return case.id, case.values
    return None, (case,) if width == 1 else tuple(case)


def _name(row: tuple[str | None, Sequence[Any]], place: int, ids: Any) -> str:
    own, values = row
    if own is None and ids is not None:
        own = "-".join(str(ids(value)) for value in values) if callable(ids) else ids[place]
    text = ", ".join(map(repr, values)) if own is None else own
    return f"{place} {text if len(text) <= 80 else text[:77] + '...'}"


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines()[:3]]
    return f"{type(error).__name__}: {' '.join(lines)}"


def checks(kit: type) -> list[Any]:
    """Return a kit's tests as cases: functions of its case or executor, and a folder."""
    names = [name for name in dir(kit) if name.startswith("test_")]
    return [pytest.param(partial(_keeps, kit, name), id=name) for name in names]


def _keeps(kit: type, name: str, case: Any, tmp_path: Path) -> None:
    test = getattr(kit(), name)
    given = {"case": case, "executor": case, "tmp_path": tmp_path}
    test(**{key: given[key] for key in inspect.signature(test).parameters})
