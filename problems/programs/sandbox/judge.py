"""The process of one evaluation: imports the user's evaluator and lets it score the program.

``guard`` starts this file by its path, so it imports only the standard library. The result goes
through a pipe of its own: what a program prints is never read as a score.
"""

import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCORE = "combined_score"
_TEXTS, _LETTERS, _NUMBERS = 24, 4000, 100


def main() -> None:
    """Read what to do from standard input, evaluate, and write the result into the pipe."""
    asked = json.loads(sys.stdin.readline())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.set_inheritable(asked["pipe"], False)
    evaluator = Path(asked["evaluator"])
    sys.argv = [str(evaluator)]
    sys.path.insert(0, str(evaluator.parent))
    found = _evaluated(evaluator, asked["program"])
    sys.stdout.flush()
    sys.stderr.flush()
    with os.fdopen(asked["pipe"], "w", encoding="utf-8") as pipe:
        json.dump({"token": asked["token"], **found}, pipe)
    os._exit(0)  # threads or exit handlers of the program can't keep the process


def _evaluated(evaluator: Path, program: str) -> dict[str, Any]:
    try:
        spec = importlib.util.spec_from_file_location("evaluator", evaluator)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["evaluator"] = module
        spec.loader.exec_module(module)
        return _result(module.evaluate(program))
    except BaseException as error:
        return {"error": _described(error, program), "texts": {"traceback": _traceback()}}


def _result(found: Any) -> dict[str, Any]:
    """Sort what the evaluator returned into numbers and texts."""
    metrics = getattr(found, "metrics", found)
    if not isinstance(metrics, Mapping):
        kind = type(found).__name__
        return {"error": f"evaluate() must return a dict with '{SCORE}', not {kind}", "texts": {}}
    said = {**metrics}
    texts = {**(said.pop("artifacts", None) or {}), **(getattr(found, "artifacts", None) or {})}
    numbers = {}
    for name, value in said.items():
        try:
            if isinstance(value, str | bytes):
                raise TypeError
            numbers[str(name)] = float(value)
        except (TypeError, ValueError):
            texts[name] = value
    result: dict[str, Any] = {
        "numbers": dict(list(numbers.items())[:_NUMBERS]),
        "texts": {str(name): _text(texts[name]) for name in list(texts)[:_TEXTS]},
    }
    if SCORE not in numbers:
        result["error"] = f"evaluate() returned no number '{SCORE}'"
    return result


def _text(value: Any) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return _middle_cut(text)


def _middle_cut(text: str) -> str:
    """Shorten a long text in its middle; both ends of an error message say something."""
    half = _LETTERS // 2
    return text if len(text) <= _LETTERS else f"{text[:half]}\n[...]\n{text[-half:]}"


def _traceback() -> str:
    """Return the current traceback from the evaluator on, without this file's frames."""
    kind, error, trace = sys.exc_info()
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    while trace is not None and "importlib" in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    return _middle_cut("".join(traceback.format_exception(kind, error, trace)))


def _described(error: BaseException, program: str) -> str:
    """Return the error in one line, with the last line of the program that took part in it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if frame.filename == program]
    message = " ".join(str(error).split())[:500]
    place = f" (line {own[-1]} of the program)" if own else ""
    return f"{type(error).__name__}: {message}{place}" if message else type(error).__name__ + place


if __name__ == "__main__":
    main()
