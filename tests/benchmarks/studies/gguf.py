"""Types of a GGUF file, searched and uniform: ``python -m tests.benchmarks.studies.gguf``.

Question: at equal bytes, does a file whose layers have types of their own differ less from the
whole model than one with the same type everywhere? Each method has the same bytes for the linear
layers; the rest of the file is the same. Random types, which come from the uniform one by exchanges
at equal bytes, are scored on as many tokens as the search. What was chosen is measured on held-out
text in torch, and its file is served by llama.cpp on the first of these tokens.

At 4.5 bits per weight and more little is lost, so that small gains are to be expected. The weights
of the offline model were Q4_1 before they came here: nothing can be better than that type is at 5
bits, and at 5.5 most layers do well to keep it. The table shows how the command works; name another
model for one that tells about types.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evollm import Budget
from evollm.report.cells import Cell, Found, Row
from evollm.report.study import Axis, Study
from evollm.report.tables import RUNS, Column, spread
from problems.compression.baselines.rules import choice
from problems.compression.export.gguf.served import answers, in_full
from problems.compression.export.gguf.write import FILE, export_gguf
from problems.compression.fitness import HELD_OUT, CompressedModel
from problems.compression.kinds import GGUF
from problems.compression.layout import Genome
from problems.compression.loaded import Loaded
from problems.compression.system import EvoPress
from problems.compression.texts import TextSettings, Windows
from problems.lm.forward import logits
from tests.benchmarks.studies import RESULTS

TITLES = {"uniform": "uniform type", "random": "random types", "search": "EvoPress"}


def measure(cell: Cell) -> Found:
    """Run one cell."""
    began = time.perf_counter()
    system = EvoPress(
        None if cell["model"] == "offline" else cell["model"],
        GGUF(cell["bits"]),
        text=TextSettings(held_out_tokens=cell["held_out"]),
        check=cell["model"] == "offline",
    )
    system.problem.prepare()
    genome, tokens = _chosen(system, cell)
    [outcome] = system.problem.evaluate([genome], HELD_OUT, 0)
    layout = system.problem.space.layout
    return {
        "kl": outcome.metrics["kl"],
        "perplexity": outcome.metrics["perplexity"],
        "windows": outcome.info["kl"],
        "bytes": layout.cost(genome),
        "levels": [str(level) for level in layout.levels(genome)],
        "tokens": tokens,
        **_served(system.problem, genome, cell),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _chosen(system: EvoPress, cell: Cell) -> tuple[Genome, int]:
    """Return a method's levels, and the tokens that candidates were scored on."""
    problem, generations = system.problem, cell["generations"]
    space = problem.space
    if cell["method"] == "uniform":
        assert space.uniform is not None
        return space.uniform, 0
    long = replace(system.schedule, generations=generations)
    if cell["method"] == "search":
        found = system.search(Budget(generations=generations), seed=cell["seed"])
        return found.genome, long.tokens(space, generations)
    chosen = choice("random search", problem, long, cell["seed"])
    return np.array(chosen.genome), chosen.tokens


def _served(problem: CompressedModel, genome: Genome, cell: Cell) -> dict[str, Any]:
    """Return how the served file differs from both models in torch, on the first held-out tokens.

    These are the whole model, and the one with the weights of the file.
    """
    held, count = problem.loaded, cell["served"]
    if not count:
        return {}
    length = min(count, held.held_out.shape[1] - 1)
    rows = held.held_out[: -(-count // length), : length + 1]
    held.release()
    whole = _said(held, rows)
    stitched = held.scorer.stitched
    stitched.install(genome)
    own = _said(held, rows)
    stitched.restore()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made"
        export_gguf(held.blocks, held.space.layout, genome, made)
        file = made / FILE
        if cell["served_as"] == "F32":
            file = in_full(file, Path(folder) / "full.gguf")
        said = answers(held.lm, file, rows)
        for before, mine, theirs in zip(whole, own, said, strict=True):
            same = float(mine.argmax() == theirs.argmax())
            found.append((_kl(before, theirs), _kl(mine, theirs), same))
    names = ("served_kl", "gap", "served_same")
    means_ = dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))
    return {**means_, "served": len(found)}


def _said(held: Loaded, rows: Windows) -> NDArray[np.float64]:
    """Return log-probabilities after each token but the last of each row."""
    found = logits(held.lm, torch.tensor(rows, device=held.lm.device))[:, :-1]
    return found.double().log_softmax(-1).flatten(0, 1).cpu().numpy()


def _kl(teacher: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float((np.exp(teacher) * (teacher - other)).sum())


COLUMNS = (
    Column("KL", "kl", form=".5f"),
    Column("sd", "kl", spread, ".5f"),
    RUNS,
    Column("perplexity", "perplexity", form=".4f"),
    Column("served KL", "served_kl", form=".5f"),
    Column("served and torch", "gap", form=".5f"),
    Column("same token", "served_same", form=".3f"),
    Column("bytes", "bytes", form=",.0f"),
    Column("tokens", "tokens", form=",.0f"),
    Column("seconds", "seconds", form=".0f"),
)


def summary(rows: Sequence[Row]) -> str:
    """Say what the columns are, and by how much the types differ window by window."""
    said = [
        "KL: from the whole model in torch, nats per token on held-out text; served KL: of the "
        "file that llama.cpp serves, over the full vocabulary, on its first tokens; there inputs "
        "of layers are rounded to 8 bits, too. served and torch: divergence of the served file "
        "from the same weights in torch; --served-as F32 serves them without that rounding. "
        "same token: share of these tokens where both find the same one most likely. The offline "
        "weights were Q4_1 before: results on them say little about types."
    ]
    for name in ("search", "random"):
        gains = [d for row in rows if row.cell["method"] == name and (d := paired(rows, row))]
        if gains:
            mean, error = np.mean(gains, axis=0)
            said.append(
                f"{TITLES[name]}: {mean:+.5f} nats per token less than the uniform type, with a "
                f"paired standard error over windows of {error:.5f}, on average over the cells."
            )
    return "\n".join(said)


def paired(rows: Sequence[Row], row: Row) -> tuple[float, float] | None:
    """Return the mean and the standard error of a cell's gain over the uniform type, by windows."""
    for other in rows:
        if dict(other.cell) == {**row.cell, "method": "uniform"}:
            gain = np.array(other.found["windows"]) - np.array(row.found["windows"])
            return float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain)))
    return None


def means(rows: Sequence[Row]) -> dict[str, float]:
    """Return each method's mean divergence."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.cell["method"], []).append(row.found["kl"])
    return {name: round(float(np.mean(values)), 6) for name, values in found.items()}


STUDY = Study(
    "gguf",
    {
        "bits": Axis((5.0, 5.5), quick=(5.5,), extra=(6.0,)),
        "method": Axis(
            ("uniform", "random", "search"),
            titles=TITLES,
            versions={"random": 2},  # it drew nothing but the uniform type
        ),
        "seed": Axis(range(3), quick=range(1)),
        "generations": Axis((20,), quick=(2,), extra=(2, 5, 10, 40, 150)),
        "held_out": Axis((4096,), quick=(512,), extra=(512, 8192, 65_536)),
        "served": Axis((64,), quick=(8,), extra=(0, 8, 1000)),
        "served_as": Axis(("types",), extra=("F32",)),
        "model": Axis(("offline",)),
    },
    measure,
    COLUMNS,
    folder=RESULTS,
    summary=summary,
    closing=means,
    jobs=None,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(STUDY.main())
