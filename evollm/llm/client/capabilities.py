"""Capabilities: what an endpoint supports, as remembered, cached or probed."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from evollm.llm.base import Sampling
from evollm.llm.client import probes
from evollm.llm.client.batching import FanOut, Pending
from evollm.llm.client.billing import Billing, Reply
from evollm.llm.client.cache import Cache
from evollm.llm.client.connection import Connection, in_background
from evollm.llm.client.requests import Ask
from evollm.llm.client.settings import Settings
from evollm.llm.transport.retries import silence


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Checks that an endpoint can do what a call needs.

    Attributes:
        way: The connection to the endpoint; remembers findings for this process.
        cache: Stores findings for a day; None for no cache.
        account: Where probes are reserved and recorded.
        count: Called with each reply to a probe.
        model: The model's name.
        identity: The endpoint's name in the cache.
        settings: The ``known`` capabilities are not probed; ``options`` are part of each probe.
    """

    way: Connection
    cache: Cache | None
    account: Billing
    count: Callable[[Reply], None]
    model: str
    identity: str
    settings: Settings

    def check(self, sampling: Sampling) -> bool:
        """Return whether the endpoint enforces the call's schema, if any.

        Raises:
            ModelError: If the endpoint lacks a capability that the client cannot replace.
            Exhausted: If the budget has no room for a probe.
        """
        able = {need: self._has(need, sampling) for need in probes.needs(sampling)}
        for need, has in able.items():
            fault = None if has else probes.lacking(need, self.model, self.way.url)
            if fault:
                raise fault
        return able.get("schema", False)

    def _has(self, need: str, sampling: Sampling) -> bool:
        if need in self.settings.known:
            return True
        ability = need if need == sampling.mode else f"{need} in {sampling.mode} mode"
        with self.way.probing:
            has = self.way.abilities.get(ability)
            if has is None and self.cache:
                newer_than = time.time() - probes.VALID_S
                has = self.cache.ability(self.identity, self.model, ability, newer_than)
            if has is None:
                has = self._find_out(need, ability, sampling)
            self.way.abilities[ability] = has
        return has

    def _find_out(self, need: str, ability: str, sampling: Sampling) -> bool:
        has = probes.find_out(need, sampling, self._ask)
        logging.getLogger("evollm").info(
            "the model %s at %s %s: %s",
            self.model,
            self.way.url,
            "has" if has else "lacks",
            ability,
        )
        if self.cache:
            self.cache.note_ability(self.identity, self.model, ability, has)
        return has

    def _ask(self, sampling: Sampling) -> Reply:
        def send(ask: Ask) -> Pending:
            return in_background(self.way.answer(ask, constrain=True))

        ask = Ask(self.model, self.identity, probes.PROMPT, sampling, extra=self.settings.options)
        fanout = FanOut(self.account, None, lambda: send, self.count)
        fanout.run([ask])
        if fanout.unanswered:
            raise silence(self.model, self.way.url, fanout.unanswered[0])
        return fanout.replies[ask.key]
