"""What holds of each adapter that comes with the package."""

import hashlib
import json
from pathlib import Path


def check_shipped(file: Path, record: Path) -> None:
    """Assert that a file is the one of its record, and small."""
    kept = json.loads(record.read_text())
    assert hashlib.sha256(file.read_bytes()).hexdigest() == kept["sha256"]
    assert file.stat().st_size <= 5 * 10**6
    assert kept["settings"]["rank"] <= 8
