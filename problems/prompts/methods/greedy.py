"""TAPruning and its kin: hill climbing over the tokens, one after the other (arXiv 2506.17930)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from evollm.checks import positive
from evollm.errors import EvollmError
from evollm.search.flow import Flow, evaluate, seeded, survive, vary
from evollm.search.memo import Memo
from evollm.types import Individual
from problems.prompts.fitness import PromptFitness
from problems.prompts.methods.method import Drop, unpruned
from problems.prompts.tokens import Mask

Order = Literal["first_to_last", "last_to_first", "shuffled"]


@dataclass(frozen=True)
class TAPruning:
    """Drops one token after the other, and takes back what costs too much: threshold accepting.

    A token stays out if the score is not below the best so far by more than ``1 - threshold`` of
    its size, so that tolerated losses do not add up. Passes over the tokens go on until one drops
    nothing. The tokens stay those of the unpruned prompt in every pass.

    Attributes:
        threshold: 1 accepts no loss; 0.96 is the paper's.
        strict: Accept improvements only, as the reference code's SAHC does.
        order: Order in which a pass tries the tokens.
        max_passes: Most passes.
        ratio: Accept by the ratio to the best score, as the reference code does: this inverts the
            order of negative scores, and divides by zero.
        reuse: Whether a prompt that was scored before takes over its score.
    """

    threshold: float = 0.96
    strict: bool = False
    order: Order = "first_to_last"
    max_passes: int = 20
    ratio: bool = False
    reuse: bool = True
    reranks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        positive(max_passes=self.max_passes)
        if not 0 < self.threshold <= 1:
            raise EvollmError(f"threshold must be above 0 and at most 1, not {self.threshold}")
        if self.order not in get_args(Order):
            raise EvollmError(f"order is one of {', '.join(get_args(Order))}, not {self.order!r}")

    @property
    def title(self) -> str:
        """Its name in tables."""
        return "strict TAPruning" if self.strict else f"TAPruning {self.threshold:g}"

    def accepts(self, score: float, best: float) -> bool:
        """Tell whether a prompt with a score replaces the current one, given the best so far."""
        if self.ratio:
            share = score / best if best else np.inf * (score > 0)
            return bool(share > 1 if self.strict else share >= self.threshold)
        if self.strict:
            return score > best
        return best - score <= (1 - self.threshold) * abs(best) + 1e-12

    def flow(self, problem: PromptFitness, seed: int) -> Flow:
        """Return the search; its best is the last of the prompts with the highest score."""
        rng, memo = seeded(seed), Memo(problem.key)
        current = best = yield from unpruned(problem, memo if self.reuse else None)
        for step in range(1, self.max_passes + 1):
            before = current
            for place in self._places(current, rng):
                child = yield from vary(Drop((place,)), [current], 1, 0, step)
                score = memo.evaluate if self.reuse else evaluate
                [scored] = yield from score(child, step=step)
                if self.accepts(scored.fitness, best.fitness):
                    current = scored
                    best = scored if scored.fitness >= best.fitness else best
                    yield from survive([current], step, best)
            if current is before:
                return f"pass {step} dropped nothing"
        return f"{self.max_passes} passes are done (max_passes)"

    def _places(self, current: Individual[Mask], rng: np.random.Generator) -> Sequence[int]:
        kept: list[int] = np.flatnonzero(current.genome).tolist()
        if self.order == "shuffled":
            return [int(place) for place in rng.permutation(kept)]
        return kept if self.order == "first_to_last" else kept[::-1]


@dataclass(frozen=True)
class Steepest:
    """Steepest ascent: scores every single removal, takes the best, and ends when none improves.

    Attributes:
        threshold: As in ``TAPruning``; 1 accepts no loss.
    """

    threshold: float = 1.0
    title: ClassVar[str] = "steepest ascent"
    reranks: ClassVar[bool] = False

    def flow(self, problem: PromptFitness, seed: int) -> Flow:
        """Return the search; its best is the last of the prompts with the highest score."""
        rule = TAPruning(self.threshold)
        current = best = yield from unpruned(problem)
        step = 0
        while len(kept := np.flatnonzero(current.genome).tolist()):
            step += 1
            children = yield from vary(Drop(tuple(kept)), [current], len(kept), 0, step)
            scored: list[Individual[Any]] = yield from evaluate(children, step=step)
            top = max(scored, key=lambda one: (one.fitness, -one.id))
            if not rule.accepts(top.fitness, best.fitness):
                return f"no single removal is accepted after {step - 1}"
            current = top
            best = top if top.fitness >= best.fitness else best
            yield from survive([current], step, best)
        return "every token is dropped"
