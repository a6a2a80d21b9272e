"""The memo: equal genomes are scored once, and their score is reused."""

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from typing import Any

from evollm.search.flow import Evaluate, Job, Reused
from evollm.types import JSON, Individual, Outcome, Parent, evaluated


class Memo:
    """Scores candidates for a flow; a genome with a known key reuses the earlier score.

    A reused score costs no evaluation and no limit counts it; it is recorded separately and counted
    by ``usage.memo``. Scores of another fidelity are not reused. Within one call, copies of a
    genome share its outcome, even a failure; later calls reuse only complete evaluations that did
    not fail.

    Args:
        key: Maps a genome to a key that is equal for equal genomes.
        forget: Whether scores are forgotten after each call, because the data depend on the seed.
            If not, they are kept for the run, and the seed is ignored.

    Attributes:
        asked: How many evaluations it asked for so far.
    """

    def __init__(self, key: Callable[[Any], Hashable], forget: bool = False) -> None:
        self._key = key
        self._forget = forget
        self.asked = 0
        self._known: dict[tuple[int | None, Hashable], Individual[Any]] = {}

    def evaluate(
        self,
        candidates: Sequence[Parent[Any]],
        fidelity: int | None = None,
        seed: int = 0,
        step: int = 0,
        context: Mapping[str, JSON] | None = None,
        rung: str = "",
    ) -> Generator[Job | Reused[Any], Any, list[Individual[Any]]]:
        """Ask for the missing scores; used in a flow with ``yield from``.

        Returns:
            One individual per candidate, in order.
        """
        keys = [(fidelity, self._key(one.genome)) for one in candidates]
        asked: dict[tuple[int | None, Hashable], int] = {}  # the first place of each missing key
        for place, key in enumerate(keys):
            if key not in self._known:
                asked.setdefault(key, place)
        first = [candidates[place] for place in asked.values()]
        self.asked += len(first)
        found = (yield Evaluate(first, fidelity, seed, step, context, rung)) if first else []
        fresh = dict(zip(asked, found, strict=True))
        sources = [fresh.get(key) or self._known[key] for key in keys]
        scored = [
            source if asked.get(key) == place else _shared(source, one)
            for place, (key, source, one) in enumerate(zip(keys, sources, candidates, strict=True))
        ]
        reused = [place for place, key in enumerate(keys) if asked.get(key) != place]
        if reused:
            yield Reused([scored[i] for i in reused], [sources[i].id for i in reused], step)
        if not self._forget:
            self._known |= {key: one for key, one in fresh.items() if _whole(one.outcome)}
        return scored


def _shared(source: Individual[Any], candidate: Parent[Any]) -> Individual[Any]:
    """Return a candidate with the score of an equal one."""
    return Individual(evaluated(candidate, source.outcome), source.outcome, source.fidelity)


def _whole(outcome: Outcome) -> bool:
    return outcome.error is None and not outcome.bound
