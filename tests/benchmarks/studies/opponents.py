"""Optimisers of other libraries, each asked for points in an environment of its own."""

import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

from evollm.errors import EvollmError
from evollm.llm.files import cache_folder
from evollm.llm.locks import locked

PROGRAM = Path(__file__).with_name("opponent_program.py")
PACKAGES = ("nevergrad==1.0.12", "optuna==5.0.0", "torch==2.13.0")
"""What the environment holds; torch is for Optuna's Gaussian process."""
OPPONENTS = {
    "ngopt": "NGOpt (nevergrad)",
    "gp": "Gaussian process (Optuna)",
    "tpe": "TPE (Optuna)",
}


def minimized(
    library: str,
    function: Callable[[list[float]], float],
    dimension: int,
    bounds: tuple[float, float],
    budget: int,
    seed: int,
) -> list[float]:
    """Return the values that an opponent was told, in order.

    Args:
        library: One of ``OPPONENTS``.
        function: What is minimised.
        dimension: Number of coordinates.
        bounds: Of each.
        budget: Number of evaluations.
        seed: Of the opponent.

    Raises:
        EvollmError: If its environment can't be made, or it ends early.
    """
    low, high = bounds
    given = {"library": library, "dimension": dimension, "low": low, "high": high}
    asked = _asked({**given, "budget": budget, "seed": seed})
    values: list[float] = []
    with closing(asked):
        point = next(asked, None)
        while point is not None and len(values) < budget:
            values.append(function(point))
            try:
                point = asked.send(values[-1])
            except (StopIteration, BrokenPipeError):
                point = None
    if len(values) < budget:
        raise EvollmError(
            f"{OPPONENTS[library]} ended after {len(values)} of {budget} points: see its message "
            "above"
        )
    return values


def _asked(given: dict[str, object]) -> Generator[list[float], float, None]:
    """Yield points, and take their values."""
    command = [str(environment()), "-I", str(PROGRAM)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **threads},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            print(json.dumps(given), file=process.stdin, flush=True)
            for line in process.stdout:
                value = yield json.loads(line)
                print(json.dumps(value), file=process.stdin, flush=True)
        finally:
            process.kill()


def environment() -> Path:
    """Return the interpreter of the environment, which is made on first use.

    Raises:
        EvollmError: If the packages can't be installed.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    name = hashlib.sha256(" ".join((version, *PACKAGES)).encode()).hexdigest()[:12]
    folder = cache_folder("opponents") / name
    python, done = folder / "bin" / "python", folder / "complete"
    with locked(folder.with_suffix(".lock")):
        if not done.exists():
            print(f"installing {', '.join(PACKAGES)} in {folder}", file=sys.stderr)
            venv.create(folder, with_pip=True, clear=True)
            call = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
            if subprocess.run(call, check=False).returncode:
                raise EvollmError(
                    f"{', '.join(PACKAGES)} can't be installed in {folder}: see pip's message"
                )
            done.touch()
    return python
