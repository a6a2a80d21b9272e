"""A little ledger that really keeps accounts."""

import threading

from evollm.ledger import Call, Exhausted


class Book:
    """Keeps one job's calls within a number of calls, tokens and money."""

    def __init__(self, calls: int = 10**9, tokens: int = 10**9, money: float | None = None) -> None:
        self.calls: list[Call] = []
        self.most_held = 0
        self._limits = (calls, tokens, money)
        self._held = [0, 0, 0.0]
        self._lock = threading.Lock()

    @property
    def held(self) -> list[float]:
        return self._held

    @property
    def tokens(self) -> int:
        return sum(call.prompt_tokens + call.completion_tokens for call in self.calls)

    @property
    def money(self) -> float:
        return sum(call.cost or 0.0 for call in self.calls)

    def recall(self, key: str) -> Call | None:
        with self._lock:
            return next((call for call in self.calls if call.key == key), None)

    def reserve(self, tokens: int, money: float | None) -> bool:
        calls, most_tokens, most_money = self._limits
        if most_money is not None and money is None:
            raise Exhausted("a money budget needs a price")
        with self._lock:
            left = most_tokens - self.tokens
            purse = (most_money if most_money is not None else 1e9) - self.money
            cost = money or 0.0
            nothing_flies = self._held[0] == 0
            if len(self.calls) + self._held[0] >= calls:
                raise Exhausted("no calls left")
            if nothing_flies and (tokens > left or cost > purse):
                raise Exhausted("no tokens or money left")
            if tokens + self._held[1] > left or cost + self._held[2] > purse:
                return False
            self._hold(1, tokens, cost)
            return True

    def record(self, call: Call, tokens: int, money: float | None) -> None:
        with self._lock:
            self.calls.append(call)
            self._hold(-1, -tokens, -(money or 0.0))

    def _hold(self, calls: int, tokens: int, money: float) -> None:
        self._held = [self._held[0] + calls, self._held[1] + tokens, self._held[2] + money]
        self.most_held = max(self.most_held, int(self._held[0]))
