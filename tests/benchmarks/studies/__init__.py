"""Tables that take hours: cells that are filled in and kept, one study per file."""

from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"
