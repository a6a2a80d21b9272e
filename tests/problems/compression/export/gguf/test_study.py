from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm.report.cells import Row
from tests.benchmarks.studies import gguf
from tests.problems.lm.support_tiny import folder

SIZES = {"hidden_size": 128, "intermediate_size": 192, "head_dim": 32}


def test_methods_are_compared_at_equal_bytes(tmp_path: Path) -> None:
    model = folder(tmp_path / "llama", max_position_embeddings=256, **SIZES)
    shared: dict[str, Any] = {
        "bits": 5.5,
        "seed": 0,
        "generations": 1,
        "held_out": 256,
        "served": 3,
    }
    shared["served_as"] = "F32"
    rows = []
    for method in ("uniform", "random", "search"):
        cell = {**shared, "method": method, "model": model}
        rows.append(Row(cell, gguf.measure(cell)))
    uniform, random, search = (row.found for row in rows)
    assert 0.97 * uniform["bytes"] < search["bytes"] <= uniform["bytes"]
    assert random["bytes"] <= uniform["bytes"]
    assert set(uniform["levels"]) == {"Q5_0"}
    assert random["tokens"] <= search["tokens"]
    assert all(row.found["served"] == 3 and abs(row.found["gap"]) < 1e-5 for row in rows)
    assert uniform["served_kl"] != pytest.approx(search["served_kl"], rel=0.01)
    gain = gguf.paired(rows, rows[2])
    assert gain is not None
    assert gain[0] == pytest.approx(uniform["kl"] - search["kl"], abs=1e-5)
    assert np.isfinite(gain[1])
    assert "less than the uniform type" in gguf.summary(rows)
