"""What rules choose at equal bytes, measured on the same held-out text as a search's result."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from evollm.errors import EvollmError
from evollm.types import JSON
from problems.compression.baselines.rules import choice, rules_for
from problems.compression.fitness import HELD_OUT

if TYPE_CHECKING:
    from problems.compression.compressed import Compressed

FILE = "baselines.json"
log = logging.getLogger("evollm")


@dataclass(frozen=True)
class Beside:
    """What a rule's choice is worth.

    Attributes:
        name: Of the rule.
        kl: Divergence from the whole model on the held-out text, in nats per token.
        perplexity: There.
        above: How much more the divergence is than that of the search's result.
        error: Standard error of that, paired over windows.
        bytes: That the choice takes.
        seconds: That it took.
    """

    name: str
    kl: float
    perplexity: float
    above: float
    error: float
    bytes: int
    seconds: float


def beside(known: Compressed) -> list[Beside]:
    """Return what each rule's choice is worth; computed once for a run directory.

    Args:
        known: What the search came to; its system says which rules.
    """
    folder, which = known.result.path, known.system.beside
    file = None if folder is None else folder / FILE
    if file is not None and file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["which"] == which and kept["chosen"] == known.chosen.id:
            return [Beside(**one) for one in kept["rules"]]
    found = _computed(known)
    if file is not None:
        text = {"which": which, "chosen": known.chosen.id, "rules": [asdict(o) for o in found]}
        file.write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")
    return found


def _computed(known: Compressed) -> list[Beside]:
    problem, found = known.system.problem, []
    rules = rules_for(problem, known.system.beside)
    if not rules:
        return []
    problem.prepare()
    [own] = problem.evaluate([known.genome], HELD_OUT, 0)
    seed = _seed(known.result.record.get("config") or {})
    for name in rules:
        try:
            chosen = choice(name, problem, known.system.schedule, seed)
        except EvollmError as error:
            log.info("%s does not suit this model: %s", name, error)
            continue
        genome = np.array(chosen.genome)
        [outcome] = problem.evaluate([genome], HELD_OUT, 0)
        gap = np.array(outcome.info["kl"]) - np.array(own.info["kl"])
        error_ = float(gap.std(ddof=1) / np.sqrt(len(gap))) if len(gap) > 1 else 0.0
        bytes_ = problem.space.layout.cost(genome)
        metrics = outcome.metrics
        found.append(
            Beside(
                name,
                metrics["kl"],
                metrics["perplexity"],
                float(gap.mean()),
                error_,
                bytes_,
                round(chosen.seconds, 1),
            )
        )
    return found


def _seed(config: Mapping[str, JSON]) -> int:
    """Return a run's seed, from the settings of the command line or of Python."""
    found = config.get("run", config).get("seed")
    return 0 if found is None else int(found)
