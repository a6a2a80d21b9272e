"""A causal model of transformers that answers in this process, where an endpoint would be asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from evollm.checks import positive
from evollm.errors import EvollmError
from evollm.ledger import Exhausted, ledger
from evollm.llm.base import Completion, ModelError, Price, Prompt, Sampling, Token
from evollm.llm.client.answers import Answer
from evollm.llm.client.billing import POLL_S, Billing, Reply
from evollm.llm.client.requests import Ask, check
from evollm.llm.client.schemas import fault_of
from evollm.paths import anchored
from problems.lm.generation.adapters import merged
from problems.lm.generation.decoding import Decoding, Generated, generate
from problems.lm.generation.holding import Form, held
from problems.lm.generation.thread import OneThread
from problems.lm.load import load
from problems.lm.settings import LMSettings
from problems.lm.tokens import decode, ids_of

if TYPE_CHECKING:
    from problems.lm.load import LM

FREE = Price(0.0, 0.0)
GATHER_S = 0.01
"""Requests are computed together with those that follow within this time."""


def answering(
    model: str | None = None,
    adapter: str | Path | None = None,
    settings: LMSettings = LMSettings(),
    *,
    batch: int = 64,
) -> Answering:
    """Load a model that answers in this process.

    Args:
        model: As ``problems.lm.load`` takes it; None for the offline model.
        adapter: A folder with an adapter of peft, such as ``evollm tune`` writes, or a GGUF file;
            it is merged into the weights.
        settings: Precision, device and the like.
        batch: Answers that are computed together.

    Raises:
        EvollmError: If the model can't be loaded or fills in masks, there is no such adapter, or
            it is not one of this model.
    """
    lm = load(model, settings)
    if adapter is None:
        return Answering(lm, batch=batch)
    lm, name = merged(lm, anchored(adapter))
    return Answering(lm, name, batch=batch)


@dataclass
class _Job:
    """A request, and what came of it."""

    ask: Ask
    reply: Reply | None = None


class Answering:
    """A model in this process that is asked as an endpoint is.

    Calls of several threads, such as searches side by side, are computed together. They are
    recorded and count towards a run's budget of calls and tokens; the price is 0. Answers are
    sampled without truncation, and those of a seed do not depend on what is computed beside them,
    but for rounding; no seed is seed 0. Log-probabilities are the model's own, also under a grammar
    or a schema.

    Args:
        lm: A causal model.
        name: As it is recorded; None for the model's own.
        batch: Answers that are computed together.

    Raises:
        EvollmError: If the model fills in masks.
    """

    def __init__(self, lm: LM, name: str | None = None, *, batch: int = 64) -> None:
        positive(batch=batch)
        if lm.masked:
            raise EvollmError(f"{lm.name} fills in masks and can't answer: name a causal model")
        self.lm, self.name, self.batch = lm, name or lm.name, batch
        self.price = FREE
        self._waiting: list[_Job] = []
        self._adding, self._computing = Lock(), Lock()
        self._thread = OneThread()

    @property
    def concurrency(self) -> int:
        """How many operators may wait for it at once: as many as it computes together."""
        return self.batch

    def __reduce__(self) -> Any:
        raise EvollmError(
            f"{self.name} answers in its own process: run it with threads, or serve it as a GGUF "
            "file for workers of their own"
        )

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling = Sampling(), n: int = 1
    ) -> list[list[Completion]]:
        """Return ``n`` completions per prompt; see ``evollm.llm.base.LanguageModel``.

        Raises:
            ModelError: If the grammar or the schema can't be read, or no prompt could be answered.
            Exhausted: If the budget is used up; what it had room for is recorded.
        """
        check(prompts, sampling, n)
        self._check(sampling)
        billing = Billing(ledger.get(), self.price)
        asks = [
            Ask(self.name, "transformers", prompt, sampling, i)
            for prompt in prompts
            for i in range(n)
        ]
        jobs = {ask.key: _Job(ask, billing.recall(ask)) for ask in asks}
        fresh = [job for job in jobs.values() if job.reply is None]
        self._settled(fresh, billing)
        replies = {key: job.reply for key, job in jobs.items() if job.reply is not None}
        if fresh and not any(replies[job.ask.key].answer.definite for job in fresh):
            raise ModelError(f"{self.name}: {replies[fresh[0].ask.key].answer.error}")
        done = [replace(replies[ask.key].completion, key=ask.key) for ask in asks]
        return [done[start : start + n] for start in range(0, len(done), n)]

    def _settled(self, jobs: Sequence[_Job], billing: Billing) -> None:
        """Reserve, answer and record jobs, all together if the budget has room for all."""
        reserved: list[_Job] = []

        def settle() -> None:
            self._computed(reserved)
            for job in reserved:
                assert job.reply is not None
                billing.record(job.ask, job.reply)
            reserved.clear()

        def wait() -> None:  # for other threads, once nothing of ours takes room
            if reserved:
                settle()
            else:
                time.sleep(POLL_S)

        try:
            for job in jobs:
                billing.reserve(job.ask, wait)
                reserved.append(job)
        except Exhausted:
            settle()
            raise
        settle()

    def _check(self, sampling: Sampling) -> None:
        if (form := _form(sampling)) is not None:
            try:
                held(self.lm, form)
            except EvollmError as error:
                raise ModelError(str(error)) from None
        if sampling.mode == "chat" and not self.lm.tokenizer.chat_template:
            raise ModelError(f"{self.name} has no chat template: ask it in plain mode")

    def _computed(self, jobs: Sequence[_Job]) -> None:
        """Answer jobs, together with those that other threads have added meanwhile."""
        if not jobs:
            return
        with self._adding:
            self._waiting += jobs
        with self._computing:
            if all(job.reply for job in jobs):  # whoever computed before has answered ours
                return
            self._gather()
            with self._adding:
                taken, self._waiting = self._waiting, []
            alike: dict[Any, list[_Job]] = {}
            for job in taken:
                sampling = job.ask.sampling
                key = (sampling.temperature, sampling.stop, sampling.top_logprobs)
                alike.setdefault(key, []).append(job)
            try:
                for group in alike.values():
                    self._thread.run(partial(self._answer, group))
            finally:  # other threads wait for theirs, even if this one is interrupted
                for job in taken:
                    if job.reply is None:
                        job.reply = _failed("the computation was interrupted")

    def _gather(self) -> None:
        """Wait while requests come: operators that begin together ask a moment apart."""
        known = 0
        while known < len(self._waiting) < self.batch:
            known = len(self._waiting)
            time.sleep(GATHER_S)

    def _answer(self, jobs: list[_Job]) -> None:
        """Answer jobs that are sampled alike; if that fails, each half of them by itself."""
        sampling, began = jobs[0].ask.sampling, time.perf_counter()
        try:
            found = generate(
                self.lm,
                [self._prompt(job.ask) for job in jobs],
                [job.ask.sampling.max_tokens for job in jobs],
                stop=sampling.stop,
                forms=[_form(job.ask.sampling) for job in jobs],
                decoding=Decoding(
                    sampling.temperature, batch=self.batch, likeliest=sampling.top_logprobs
                ),
                seed=[job.ask.sample if job.ask.seed is None else job.ask.seed for job in jobs],
            )
        except Exception as error:  # such as a prompt that is too long, or a lack of memory
            if len(jobs) == 1:
                jobs[0].reply = _failed(str(error))
                return
            self._answer(jobs[: len(jobs) // 2])
            self._answer(jobs[len(jobs) // 2 :])
            return
        seconds = (time.perf_counter() - began) / len(jobs)
        for job, [one] in zip(jobs, found, strict=True):
            job.reply = Reply(self._read(one, job.ask.sampling), seconds, 0.0)

    def _read(self, made: Generated, sampling: Sampling) -> Answer:
        cut = made.reason == "length" and not sampling.partial
        error = f"the answer was cut off at max_tokens ({sampling.max_tokens})" if cut else None
        if sampling.schema is not None and error is None:
            error = fault_of(made.text, sampling.schema)
        tokens = tuple(
            Token(
                decode(self.lm, [one.token]),
                one.logprob,
                tuple((decode(self.lm, [token]), logprob) for token, logprob in one.top),
            )
            for one in made.likely
        )
        return Answer(made.text, error, made.prompt_tokens, made.tokens, tokens, finish=made.reason)

    def _prompt(self, ask: Ask) -> str | tuple[int, ...]:
        """Return a prompt to continue, chat messages as ids in the model's template."""
        if ask.sampling.mode == "plain":
            return str(ask.prompt)
        if isinstance(ask.prompt, str):
            messages = [{"role": "user", "content": ask.prompt}]
        else:
            messages = [dict(message) for message in ask.prompt]
        found = self.lm.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        return ids_of(self.lm, str(found))


def _form(sampling: Sampling) -> Form | None:
    return sampling.schema if sampling.grammar is None else sampling.grammar


def _failed(why: str) -> Reply:
    return Reply(Answer(error=why, definite=False), cost=0.0)
