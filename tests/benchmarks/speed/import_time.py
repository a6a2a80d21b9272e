"""The time of ``import evollm`` beyond NumPy's.

``python -m tests.benchmarks.speed.import_time``.
"""

import argparse
import json
import statistics
import subprocess
import sys

_CODE = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def main() -> None:
    """Import each in fresh interpreters, in turn; print medians and their difference as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    repeats = 5 if parser.parse_args().quick else 15
    seconds: dict[str, list[float]] = {"numpy": [], "evollm": []}
    for _ in range(repeats):
        for name, found in seconds.items():
            found.append(_import(name))
    numpy, evollm = (statistics.median(found) for found in seconds.values())
    print(json.dumps({"beyond_numpy_s": round(evollm - numpy, 3), "numpy_s": round(numpy, 3)}))


def _import(name: str) -> float:
    """Return the seconds that one import takes in a new interpreter."""
    command = [sys.executable, "-c", _CODE.format(name)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
