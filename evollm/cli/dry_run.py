"""Dry runs: what a search would ask a model, and at what cost, without calling or evaluating."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil, inf
from typing import Any, Protocol

import numpy as np

from evollm.errors import EvollmError
from evollm.runtime.budget import Budget
from evollm.search.flow import Flow, Vary
from evollm.search.search import Search, Ticket
from evollm.types import Outcome

_JOBS = 10_000


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The first generation in which a search asks a model.

    Attributes:
        before: Number of evaluations before it.
        children: Number of evaluations in it, or of the requested children if no made-up answer was
            usable.
        asked: Whether any model was asked.
    """

    before: int
    children: int
    asked: bool

    def generations(self, budget: Budget) -> float:
        """Return the largest number of generations within a budget; infinity if unlimited."""
        limits = [inf]
        if budget.evaluations is not None and self.children:
            limits.append(max(0, ceil((budget.evaluations - self.before) / self.children)))
        if budget.generations is not None:
            limits.append(budget.generations)
        return min(limits)


class Asked(Protocol):
    """A model that records the requests to it, and what they would cost at most."""

    name: str

    @property
    def asks(self) -> Sequence[Any]:
        """The requests."""
        ...

    @property
    def tokens(self) -> int:
        """Their prompt and generated tokens."""
        ...

    @property
    def cost(self) -> float | None:
        """Their cost; None if the price is unknown."""
        ...

    @property
    def first(self) -> str:
        """The first prompt as text."""
        ...


def estimate(search: Search | Flow, budget: Budget, models: Sequence[Asked]) -> str:
    """Return a report of what a search would ask a model and what that would cost at most.

    Args:
        search: The search that would be run.
        budget: Its budget.
        models: The recording models that the search uses; may be filled while the search is played.
    """
    limits = ", ".join(f"{limit:g} {name}" for name, limit in asdict(budget).items() if limit)
    lines = [f"budget        {limits or 'none'}"]
    found = rehearse(search, lambda: sum(len(model.asks) for model in models))
    if found.asked:
        lines += [_costs(model, found.generations(budget), budget) for model in models]
    else:
        lines.append("model         is not asked")
    return "\n".join([*lines, "no model was called, and nothing was evaluated or written"])


def _costs(model: Asked, generations: float, budget: Budget) -> str:
    """Estimate what a model would be asked in all from what it was asked in one generation."""
    calls = min(generations * len(model.asks), inf if budget.calls is None else budget.calls)
    tokens = min(generations * model.tokens, inf if budget.tokens is None else budget.tokens)
    price = "unknown (give --price)"
    if model.cost is not None:
        money = generations * model.cost if model.cost else 0.0
        price = f"{min(money, inf if budget.money is None else budget.money):.4g}"
    prompt = "\n".join(f"  {line}" for line in model.first.splitlines())
    return (
        f"model         {model.name}\ngeneration    at most {len(model.asks)} calls, "
        f"{model.tokens} tokens (each byte of a prompt counted as one token, as budgets reserve "
        f"them)\ntotal         at most {generations:g} generations, {calls:g} calls, {tokens:g} "
        f"tokens, cost {price}\nfirst prompt\n{prompt}"
    )


class _Anything(Mapping[str, float]):
    """Metrics that have a value under any name."""

    def __getitem__(self, name: str) -> float:
        return 0.5

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def rehearse(search: Search | Flow, asked: Callable[[], int]) -> Rehearsal:
    """Play a search with made-up scores until the model has been asked for a whole generation.

    Args:
        search: A flow, or a search of several lanes; it can't be run afterwards.
        asked: Returns how often the model has been asked so far; its answers may be unusable.
    """
    search = search if isinstance(search, Search) else Search(search)
    rng = np.random.default_rng(0)
    before = children = wanted = 0
    try:
        ready = search.ask()
        for _ in range(_JOBS):
            if not ready:
                break
            silent = not asked()
            ticket = ready.pop(0)
            if isinstance(ticket.job, Vary):
                search.tell(ticket, ticket.job.operator.vary(ticket.job.parents, *_n(ticket)))
                wanted += int(ticket.job.n) if silent and asked() else 0
            elif silent:
                before += _score(search, ticket, rng)
            else:
                children = _score(search, ticket, rng)
                break
            ready += search.ask()
    except EvollmError:
        pass  # a flow may refuse to continue if all answers of the model are unusable
    return Rehearsal(before, children or wanted, asked() > 0)


def _n(ticket: Ticket) -> tuple[int, int]:
    return ticket.job.n, ticket.job.seed  # type: ignore[union-attr]


def _score(search: Search, ticket: Ticket, rng: Any) -> int:
    """Tell the search made-up scores for a job; return how many."""
    size = len(ticket.answers)
    for place in range(size):
        search.score(ticket, place, Outcome(float(rng.random()), _Anything()))
    return size
