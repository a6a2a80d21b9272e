"""EvoPress for users: a search for the level of each unit under an exact budget."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from evollm import Budget, EvollmError, Individual, Result
from evollm.executors.base import Executor
from evollm.report.page import Report
from evollm.runtime.driver import Callback
from evollm.runtime.finals import Finalists
from evollm.search.fingerprint import describe
from evollm.search.flow import Flow
from evollm.search.search import Search
from evollm.system import System
from evollm.types import JSON
from evollm.units import Units
from problems.compression.baselines.rules import Beside, choice, rules_for
from problems.compression.compressed import Compressed, first_parent
from problems.compression.evaluation.divergence import Metric
from problems.compression.fitness import HELD_OUT, CompressedModel
from problems.compression.kinds import Kind
from problems.compression.kinds.named import check_packed, kind_named, levels_for
from problems.compression.layout import Genome
from problems.compression.levels.settings import LevelSettings
from problems.compression.loaded import model_of
from problems.compression.notation import written
from problems.compression.options import Checkpoint
from problems.compression.schedules import Preset, Schedule, check_preset, schedule
from problems.compression.texts import TextSettings
from problems.lm.settings import LMSettings

UNITS = {
    "kl": Units("KL divergence", "nats per token", maximize=False, format=".4g"),
    "perplexity": Units("log-perplexity", "nats per token", maximize=False, format=".4g"),
}
CHECKED = 2048
"""Tokens on which the whole model is checked before a search."""
CHANCE = 0.1
"""A perplexity of this share of the vocabulary is hardly better than chance."""


class EvoPress(System[Genome]):
    """The compression level of each layer of a language model, found by evolution.

    Sieberling, Kuznedelev, Kurtic, Alistarh: EvoPress: Accurate Dynamic Model Compression via
    Evolutionary Search, ICML 2025, https://arxiv.org/abs/2410.14649.

    Args:
        model: Name of the model, as ``problems.lm.load`` takes it; None for the offline model.
        kind: What is compressed, and how far: ``Depth(0.25)``, ``Sparsity(0.6)``,
            ``Quantization(3)``, ``Joint()``, ``GGUF(5)``, or one of their names for the default.
        schedule: How long the search is: ``quick``, ``super-fast``, ``paper``, or a ``Schedule``.
        metric: What is minimised: ``kl``, the divergence from the whole model, or ``perplexity``.
        text: What is searched and measured on; None for film reviews.
        levels: How levels are made; None for GPTQ, or SparseGPT to prune.
        database: The folder of the levels; None for one in the cache.
        lm: How the model is loaded.
        beside: Which rules the report measures beside the result, at equal bytes: those that take
            seconds (``quick``), ``all``, or ``none``.
        checkpoint: Whether ``export`` writes the compressed model as well, and in which form; see
            ``Compressed.export``.
        check: Whether a model that predicts text hardly better than chance is refused.

    Raises:
        EvollmError: If there is no such kind or schedule, the method makes other levels, or the
            checkpoint can't have the kind's.
    """

    def __init__(
        self,
        model: str | None = None,
        kind: Kind | str = "depth",
        *,
        schedule: Schedule | Preset = "quick",
        metric: Metric = "kl",
        text: TextSettings | None = None,
        levels: LevelSettings | None = None,
        database: str | None = None,
        lm: LMSettings | None = None,
        beside: Beside = "quick",
        checkpoint: Checkpoint = "auto",
        check: bool = True,
    ) -> None:
        self.kind = kind_named(kind)
        if checkpoint == "packed":
            check_packed(self.kind)
        self.checkpoint, self.beside = checkpoint, beside
        self.check = check
        if not isinstance(schedule, Schedule):
            check_preset(schedule)
        self._schedule = schedule
        self._settings = (model, lm or LMSettings())
        self._scoring: dict[str, Any] = {
            "metric": metric,
            "text": text or TextSettings(),
            "levels": levels_for(self.kind, levels),
            "database": database,
        }

    @cached_property
    def schedule(self) -> Schedule:
        """How long the search is."""
        if isinstance(self._schedule, Schedule):
            return self._schedule
        return schedule(self._schedule, self.kind, len(model_of(*self._settings)[1]))

    @cached_property
    def problem(self) -> CompressedModel:  # type: ignore[override]
        """What scores level vectors."""
        model, lm = self._settings
        long = self.schedule
        return CompressedModel(
            model, self.kind, pool=long.pool, window=long.window, lm=lm, **self._scoring
        )

    @property
    def budget(self) -> Budget:  # type: ignore[override]
        """The schedule's number of generations."""
        return Budget(generations=self.schedule.generations)

    @property
    def units(self) -> dict[str, Units]:  # type: ignore[override]
        """What is minimised, in nats per token."""
        return {"fitness": UNITS[self.problem.metric]}

    @property
    def opening(self) -> str:  # type: ignore[override]
        """The model and what is compressed, the whole model's perplexity, and the bytes.

        Raises:
            EvollmError: If the model predicts text hardly better than chance.
        """
        space = self.problem.space
        budget = f"budget: {space.budget:,} bytes, beside {space.layout.fixed:,} of the rest"
        return f"{self._described(self.kind.target)}\n{budget}"

    def _described(self, aim: str) -> str:
        """Return the model, what is aimed at, and the whole model's perplexity."""
        found = self.problem.loaded
        whole, tokens = self.checked(), min(CHECKED, found.held_out.size)
        return (
            f"{found.lm.name}: {len(found.blocks)} blocks, {len(found.space.layout)} units; {aim}\n"
            f"whole model: perplexity {whole:.4g} on {tokens:,} held-out tokens"
        )

    def checked(self) -> float:
        """Return the whole model's perplexity on held-out text, by which a wrong one shows.

        Raises:
            EvollmError: If it is hardly better than chance.
        """
        found = self.problem.loaded
        whole = found.perplexity(CHECKED)
        if self.check and not whole < CHANCE * found.lm.vocabulary:
            raise EvollmError(
                f"{found.lm.name} has a perplexity of {whole:,.0f} on the held-out text, hardly "
                f"better than chance among {found.lm.vocabulary:,} tokens: name a model that was "
                "trained on such text, or leave this check out (--no-check)"
            )
        return whole

    def flow(self, seed: int) -> Flow | Search:
        """Return the search.

        Raises:
            EvollmError: If a generation needs more different children than there are.
        """
        space = self.problem.space
        space.check(self.schedule.offspring)
        return self.schedule.flow(space, seed, self._known(seed))

    def _known(self, seed: int) -> list[Genome]:
        """Return what quick rules choose, where that competes with the start."""
        if not self.schedule.informed:
            return []
        found = []
        for name in rules_for(self.problem, "quick"):
            if name != "uniform":
                with suppress(EvollmError):  # a rule may not suit the levels
                    chosen = choice(name, self.problem, self.schedule, seed)
                    found.append(np.array(chosen.genome))
        return found

    def write(self, individual: Individual[Genome]) -> str:
        """Return the levels as text."""
        return written(self.problem.space.layout, np.asarray(individual.genome))

    def finalists(self, result: Result[Genome]) -> Finalists[Genome]:
        """Return the survivor and the first parent, which are measured on the held-out text."""
        start = first_parent(result)
        if result.best is None or start is None:
            return Finalists()
        both = {one.id: one for one in (result.best, start)}
        return Finalists(list(both.values()), HELD_OUT)

    def choose(self, result: Result[Genome]) -> Individual[Genome]:
        """Return the parent that survived last.

        Raises:
            EvollmError: If nothing was evaluated.
        """
        if result.best is None:
            raise EvollmError(f"no levels could be scored ({result.stopped}): see the failures")
        return result.best

    def controls(self) -> dict[str, EvoPress]:
        """Return the rules that can take the search's place, each as a system."""
        from problems.compression.baselines.ruled import Ruled

        return {name: Ruled(self, name) for name in rules_for(self.problem)}

    def forecast(self, budget: Budget) -> str:
        """Return the tokens and the seconds that a run would take."""
        from problems.compression.forecast import forecast

        return forecast(self, budget)

    def config(self, seed: int) -> dict[str, JSON]:
        """Return the settings, and what identifies the model and the text."""
        return {
            "seed": seed,
            "model": dict(self.problem.loaded.lm.fingerprint),
            "kind": [self.kind.name, describe(self.kind)],
            "schedule": describe(self.schedule),
            "prose": self.problem.text.prose.sha256,
            **{name: describe(value) for name, value in self._scoring.items()},
        }

    def search(
        self,
        budget: Budget | None = None,
        *,
        seed: int = 0,
        executor: Executor | None = None,
        path: str | Path | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Compressed:
        """Search for levels, and measure the result.

        Args:
            budget: What ends the search; None for the schedule's generations.
            seed: The only source of randomness.
            executor: Where candidates are scored.
            path: The run directory; the same call on it goes on where its record stops.
            callbacks: Each called as ``f(run, individual)`` after an evaluation.

        Raises:
            EvollmError: If the settings do not suit the model, or the model does not work.
        """
        self.checked()
        result = self.run(budget, seed=seed, executor=executor, path=path, callbacks=callbacks)
        return self.compressed(result)

    def compressed(self, result: Result[Genome]) -> Compressed:
        """Return what a run came to."""
        start = first_parent(result)
        chosen = self.choose(result)
        return Compressed(self, result, chosen, start or chosen)

    def report(self, result: Result[Genome]) -> Report:
        """Return the levels beside those of the start, and how they came."""
        from problems.compression.present.report import report

        return report(self, result)

    def export(self, result: Result[Genome], folder: Path) -> list[Path]:
        """Write the level map as JSON and as a picture, and the compressed model as ``model``."""
        from problems.compression.present.report import files

        return files(self, result, folder)
