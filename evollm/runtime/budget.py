"""Budgets: what a run may spend, and the meter that enforces it."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from inspect import getclosurevars, getgeneratorlocals, isfunction, isgenerator
from math import inf
from typing import Any

import numpy as np

from evollm.errors import EvollmError, OutOfRange
from evollm.ledger import Call, Exhausted

_PRICE = "give it per million tokens as --price IN,OUT, Settings(price=(IN, OUT)) or EVOLLM_PRICE"
_UNPAID = (
    "the price of earlier calls of this run is unknown, so a money budget can't be enforced: "
    "remove that limit, or start a new run in another folder"
)
_MOST_THINGS = 10_000
_ROUNDING = 1 + 1e-12  # tolerance for rounding: ten costs of 0.1 reach 1
_FOREIGN = ("numpy", "pandas", "scipy", "sklearn", "torch")
_WHOLE = ("evaluations", "generations", "calls", "tokens", "stagnation")


@dataclass(frozen=True, slots=True)
class Budget:
    """What ends a run, whichever comes first; None is no limit.

    Attributes:
        evaluations: Genomes sent to the problem, including failed ones; met exactly.
        generations: Steps after the initial population; met exactly.
        seconds: Working time, summed over resumes; work in progress is finished.
        calls: Requests to models, including cached and failed ones; met exactly.
        tokens: Prompt and generated tokens, including cached ones; reserved before a call, never
            exceeded.
        money: In the currency of the model's prices (cached answers are free); reserved before a
            call, never exceeded.
        cost: Cost of the evaluations, in the problem's unit. Evaluations are sent out as long as
            the budget has room for them at the highest cost so far, so that it is met exactly if
            all cost the same. If later ones cost more, the limit is exceeded by the evaluations in
            progress: for a problem that yields its outcomes, one per worker and what other
            processes finish within 0.05 s; for a problem that returns a list, the lists in
            progress.
        target: Stop once the best fitness is at least this, of a solution that violates no
            constraint.
        stagnation: Stop after this many steps without a better fitness (or, as long as no solution
            is feasible, without a smaller violation).
    """

    evaluations: int | None = None
    generations: int | None = None
    seconds: float | None = None
    calls: int | None = None
    tokens: int | None = None
    money: float | None = None
    cost: float | None = None
    target: float | None = None
    stagnation: int | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None and not _counts(value, whole=item.name in _WHOLE):
                kind = "a whole number" if item.name in _WHOLE else "a number"
                raise EvollmError(f"a budget of {item.name} must be {kind}, not {value!r}")
            if item.name == "target" and value is not None and value != value:
                raise EvollmError("a budget's target can't be NaN: give a fitness, or None")
            if value is not None and item.name != "target" and not value >= 0:
                raise OutOfRange(
                    f"a budget of {item.name} can't be {value}: give 0 or more, or None", 0
                )

    @property
    def ends(self) -> bool:
        """Whether the budget has a limit that every run reaches."""
        return any(
            getattr(self, name) is not None for name in ("evaluations", "generations", "seconds")
        )


@dataclass(slots=True)
class Usage:
    """What a run has spent, over all its resumes.

    Attributes:
        evaluations: Genomes scored, including failed ones.
        failed: Evaluations that failed.
        bounds: Evaluations that were cut short.
        memo: Scores of equal genomes that were reused instead of evaluated; no limit counts them.
        cost: Cost of the evaluations in the problem's unit, without those of finalists.
        finals: Evaluations of finalists after the search; no limit counts them.
        finals_calls: Model calls of those evaluations; no other figure includes them.
        finals_money: Money paid for those calls; None if a price is unknown.
        generations: Steps completed after the initial population.
        seconds: Working time.
        calls: Answers asked of a model, cached and failed ones included.
        cached_calls: Calls that the cache answered.
        failed_calls: Calls whose answer was unusable.
        prompt_tokens: Prompt tokens of all calls.
        completion_tokens: Generated tokens of all calls.
        cached_tokens: Prompt and generated tokens of the cached calls.
        money: Money paid so far; None if the price of a call is unknown.
    """

    evaluations: int = 0
    failed: int = 0
    bounds: int = 0
    memo: int = 0
    cost: float = 0.0
    finals: int = 0
    finals_calls: int = 0
    finals_money: float | None = 0.0
    generations: int = 0
    seconds: float = 0.0
    calls: int = 0
    cached_calls: int = 0
    failed_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    money: float | None = 0.0

    @property
    def tokens(self) -> int:
        """Prompt and generated tokens together."""
        return self.prompt_tokens + self.completion_tokens

    def add(self, call: Call) -> None:
        """Count one call."""
        self.calls += 1
        self.prompt_tokens += call.prompt_tokens
        self.completion_tokens += call.completion_tokens
        self.failed_calls += call.error is not None
        if call.cached:
            self.cached_calls += 1
            self.cached_tokens += call.prompt_tokens + call.completion_tokens
        elif self.money is not None:
            self.money = None if call.cost is None else self.money + call.cost

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name, including the sum of the tokens."""
        return {**asdict(self), "tokens": self.tokens}


class Meter:
    """Counts what a run spends and checks it against the budget; thread-safe.

    Attributes:
        budget: The limits.
        usage: What has been spent.
        refused: The limits that prevented a call, by name.
    """

    def __init__(self, budget: Budget, usage: Usage) -> None:
        self.budget = budget
        self.usage = usage
        self.refused: dict[str, float] = {}
        self._held = [0, 0, 0.0]
        self._lock = threading.Lock()

    def reserve(self, tokens: int, money: float | None) -> bool:
        """Reserve one call; see ``evollm.ledger.Ledger.reserve``."""
        limit, usage = self.budget, self.usage
        if limit.money is not None and money is None:
            raise Exhausted(f"a money budget needs the model's price: {_PRICE}")
        if limit.money is not None and usage.money is None:
            raise Exhausted(_UNPAID)
        with self._lock:
            calls, held_tokens, held_money = self._held
            room_calls = _room(limit.calls, usage.calls + calls)
            room_tokens = _room(limit.tokens, usage.tokens)
            room_money = _room(limit.money, usage.money or 0.0)
            cost = money or 0.0
            if room_calls < 1:
                raise self._spent("calls", f"the budget of {limit.calls} calls is spent")
            if tokens > room_tokens and not calls:
                raise self._spent(
                    "tokens",
                    f"the budget of {limit.tokens} tokens has {room_tokens} left, but the next "
                    f"call may take {tokens}",
                )
            if cost > room_money and not calls:
                raise self._spent(
                    "money",
                    f"the money budget of {limit.money} has {room_money:.6g} left, but the next "
                    f"call may cost {cost:.6g}",
                )
            if tokens > room_tokens - held_tokens or cost > room_money - held_money:
                return False
            self._held = [calls + 1, held_tokens + tokens, held_money + cost]
            return True

    def _spent(self, name: str, sentence: str) -> Exhausted:
        self.refused[name] = getattr(self.budget, name)
        return Exhausted(sentence)

    def settle(self, call: Call, tokens: int, money: float | None) -> None:
        """Count a call and release its reservation."""
        with self._lock:
            calls, held_tokens, held_money = self._held
            self._held = [calls - 1, held_tokens - tokens, held_money - (money or 0.0)]
            self.usage.add(call)

    def reasons(self, best: float, stale: int) -> dict[str, float]:
        """Return the limits that are reached, by name; empty if the run may continue.

        Args:
            best: The best fitness so far of a feasible solution.
            stale: Number of steps since it last improved.
        """
        spent = {
            "evaluations": self.usage.evaluations,
            "cost": self.usage.cost * _ROUNDING,
            "generations": self.usage.generations,
            "seconds": self.usage.seconds,
            "target": best,
            "stagnation": stale,
        }
        limits = {name: getattr(self.budget, name) for name in spent}
        return {
            name: limits[name]
            for name in spent
            if limits[name] is not None and spent[name] >= limits[name]
        }


def costs(amount: float, unit: str) -> str:
    """Return the cost of evaluations as text, with the unit if it has one."""
    return f"{amount:.10g} {unit}" if unit else f"{amount:.10g}"


def check_money(budget: Budget, usage: Usage, things: Iterable[Any]) -> None:
    """Raise an error if a money budget can't be enforced, before anything is spent.

    Args:
        budget: The run's budget.
        usage: What the run has already spent.
        things: The flow's operators, and other objects that hold the language models it uses.

    Raises:
        EvollmError: If the price of a model or of a recorded call is unknown.
    """
    if budget.money is None:
        return
    if usage.money is None:
        raise EvollmError(_UNPAID)
    for model in models(things):
        if model.price is None:
            raise EvollmError(f"a money budget needs the price of the model {model.name}: {_PRICE}")


def models(things: Iterable[Any]) -> Iterator[Any]:
    """Yield the objects with a price among some objects and their parts."""
    waiting, seen = list(things), dict[int, Any]()
    while waiting and len(seen) < _MOST_THINGS:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, str | bytes | int | float | type(None) | type):
            continue
        seen[id(thing)] = thing
        if callable(getattr(thing, "complete", None)) and hasattr(thing, "price"):
            yield thing
        else:
            waiting += _parts(thing)


def _parts(thing: Any) -> list[Any]:
    """Return the parts of an operator, a flow or a function, without arrays and tables."""
    if isgenerator(thing):
        return list(getgeneratorlocals(thing).values())
    if isfunction(thing):
        return list(getclosurevars(thing).nonlocals.values())
    if isinstance(thing, Mapping):
        return list(thing.values())
    if isinstance(thing, list | tuple | set | frozenset):
        return list(thing)[:_MOST_THINGS]
    if type(thing).__module__.partition(".")[0] in _FOREIGN:
        return []
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    listed = [getattr(thing, name, None) for name in slots if isinstance(name, str)]
    return [*listed, *getattr(thing, "__dict__", {}).values()]


def _counts(value: Any, whole: bool) -> bool:
    """Return whether a value is a number, or an integer where one is required."""
    kinds = int | np.integer if whole else int | float | np.number
    return isinstance(value, kinds) and not isinstance(value, bool)


def _room(limit: float | None, spent: float) -> float:
    """Return what remains of a limit."""
    return inf if limit is None else limit - spent
