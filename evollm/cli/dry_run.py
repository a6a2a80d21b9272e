"""Rehearsals: what a search would ask of a model, found out without asking or evaluating."""

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
    """The first generation for which a search asks a model.

    Attributes:
        before: Evaluations before it.
        children: Evaluations in it, or if no answer could be of use, the children that it wanted.
        asked: Whether a model was asked at all.
    """

    before: int
    children: int
    asked: bool

    def generations(self, budget: Budget) -> float:
        """Return how many generations a budget pays for at most; infinity if it sets no end."""
        limits = [inf]
        if budget.evaluations is not None and self.children:
            limits.append(max(0, ceil((budget.evaluations - self.before) / self.children)))
        if budget.generations is not None:
            limits.append(budget.generations)
        return min(limits)


class Asked(Protocol):
    """A model that noted what it was asked, and what that takes at most."""

    name: str

    @property
    def asks(self) -> Sequence[Any]:
        """What it was asked."""
        ...

    @property
    def tokens(self) -> int:
        """Tokens."""
        ...

    @property
    def cost(self) -> float | None:
        """Money; None if the price is unknown."""
        ...

    @property
    def first(self) -> str:
        """The first prompt, as text."""
        ...


def estimate(search: Search | Flow, budget: Budget, models: Sequence[Asked]) -> str:
    """Say what a search would ask of a model and what that costs at most, without asking.

    Args:
        search: What would be run.
        budget: Its budget.
        models: Fills with the models that the search asks, each noting what it is asked.
    """
    limits = ", ".join(f"{limit:g} {name}" for name, limit in asdict(budget).items() if limit)
    lines = [f"budget        {limits or 'none'}"]
    found = rehearse(search, lambda: sum(len(model.asks) for model in models))
    if found.asked:
        lines += [_costs(model, found.generations(budget), budget) for model in models]
    else:
        lines.append("model         is not asked")
    return "\n".join([*lines, "nothing was asked, evaluated or written"])


def _costs(model: Asked, generations: float, budget: Budget) -> str:
    """Write what a model would be asked, from what it was in one rehearsed generation."""
    calls = min(generations * len(model.asks), inf if budget.calls is None else budget.calls)
    tokens = min(generations * model.tokens, inf if budget.tokens is None else budget.tokens)
    price = "unknown, give --price"
    if model.cost is not None:
        money = generations * model.cost if model.cost else 0.0
        price = f"{min(money, inf if budget.money is None else budget.money):.4g}"
    prompt = "\n".join(f"  {line}" for line in model.first.splitlines())
    return (
        f"model         {model.name}\n"
        f"a generation  at most {len(model.asks)} calls, {model.tokens} tokens "
        "(each byte of a prompt counted as one, as budgets reserve them)\n"
        f"in all        at most {generations:g} generations, {calls:g} calls, {tokens:g} tokens, "
        f"cost {price}\n"
        f"first prompt\n{prompt}"
    )


class _Anything(Mapping[str, float]):
    """Metrics with any name."""

    def __getitem__(self, name: str) -> float:
        return 0.5

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def rehearse(search: Search | Flow, asked: Callable[[], int]) -> Rehearsal:
    """Play a search with made-up scores until the model has been asked for one generation.

    Args:
        search: A flow, or a search made of several lanes; it can't be run afterwards.
        asked: Returns how often the model has been asked; it may answer nothing of use.
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
        pass  # a flow may refuse to go on with a model that says nothing
    return Rehearsal(before, children or wanted, asked() > 0)


def _n(ticket: Ticket) -> tuple[int, int]:
    return ticket.job.n, ticket.job.seed  # type: ignore[union-attr]


def _score(search: Search, ticket: Ticket, rng: Any) -> int:
    """Make up the scores of a job; return how many."""
    size = len(ticket.answers)
    for place in range(size):
        search.score(ticket, place, Outcome(float(rng.random()), _Anything()))
    return size
