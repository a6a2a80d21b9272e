"""A progress bar for notebooks and terminals, by tqdm."""

from typing import Any

from evollm.callbacks.tracker import needs
from evollm.report.progress import cost
from evollm.report.sections import units_of
from evollm.runtime.driver import Run
from evollm.types import Individual

_LIMITS = ("evaluations", "cost", "generations", "calls", "tokens")
_NAMES = {"evaluations": "evaluation", "generations": "generation", "calls": "call"}


class Bar:
    """Shows the progress of a run as a bar; a callback for ``run``.

    The bar counts towards the first of these limits that the budget has: evaluations, cost,
    generations, calls, tokens; if it has none, evaluations are counted without an end. Beside it
    stand the best value so far, in the user's units, and failures, calls and money, if any.

    Args:
        options: Keyword arguments of tqdm, such as ``desc``, ``leave`` or ``file``.

    Raises:
        EvollmError: If tqdm is not installed.
    """

    def __init__(self, **options: Any) -> None:
        needs("tqdm", "notebook", "Bar()")
        self._options = options
        self._run: Run | None = None

    def __call__(self, run: Run, individual: Individual[Any]) -> None:
        """Do nothing, because the bar is updated by ``tick``."""

    def tick(self, run: Run) -> None:
        """Update the bar; close it when the run has ended."""
        if run is not self._run:
            self._begin(run)
        self._bar.set_postfix_str(self._beside(run), refresh=False)
        self._bar.update(getattr(run.usage, self._counted) - self._bar.n)
        if run.finished:
            self._bar.close()

    def _begin(self, run: Run) -> None:
        from tqdm.auto import tqdm

        limits = [name for name in _LIMITS if getattr(run.budget, name) is not None]
        self._counted = limits[0] if limits else "evaluations"
        self._units, self._run = units_of(run.record)["fitness"], run
        self._bar = tqdm(
            **{
                "total": getattr(run.budget, self._counted),
                "initial": getattr(run.usage, self._counted),
                "unit": f" {_NAMES.get(self._counted, self._counted)}",
                **self._options,
            }
        )

    def _beside(self, run: Run) -> str:
        """Return what stands beside the bar."""
        best, parts = run.best, []
        if best is not None and best.error is None:
            parts.append(f"best {self._units.text(best.fitness)}")
        if run.usage.failed:
            parts.append(f"{run.usage.failed} failed")
        if run.usage.calls:
            parts.append(f"{run.usage.calls} calls, cost {cost(run.usage)}")
        return ", ".join(parts)
