"""Holding: a language model writes one expression of a Python program, held to a grammar."""

import ast
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
from numpy.random import Generator

from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel, Sampling
from evollm.types import Individual, Offspring, Parent
from operators.programs.places import Place, places, tree_of, written
from operators.programs.source import Frame, Unusable

SEEDS = 2**31
GOAL = 0.1
"""How far above the best score that is shown the wanted one is, in their range."""
SAMPLING = Sampling(max_tokens=48, mode="plain")
"""The default sampling."""
_HOLE = "expression_to_write"
_GRAMMAR = r"""root ::= " "? side (op side (op side)?)? "\n"
side ::= atom | "(" atom op atom ")" | "-" atom | "abs(" atom ")" | two "(" atom ", " atom ")"
two ::= "min" | "max"
op ::= " + " | " - " | " * " | " / " | " < " | " <= " | " > " | " >= "
atom ::= number | name
number ::= ("0" | [1-9] [0-9]? [0-9]?) ("." [0-9] [0-9]?)?
name ::= """


@dataclass(frozen=True)
class HeldExpressions:
    """Asks a model to write one expression of the first parent anew, at a random place.

    The prompt is source that the model continues: all parents with their scores, the least fit
    first, then the first one once more, up to that place. What it writes is held by the endpoint's
    grammar to at most three operations on numbers and on the names that are known there, so that a
    small model, too, writes valid programs; what is behind the place stays.

    Attributes:
        model: The language model, whose endpoint must support grammars.
        frame: The fixed parts of the program, in Python.
        sampling: How the model is asked; seed, grammar and stop sequence are set for each place.
        rounds: How often a place is drawn again in place of an unusable answer, the first time
            included.
    """

    model: LanguageModel
    frame: Frame
    sampling: Sampling = SAMPLING
    rounds: int = 3

    def __post_init__(self) -> None:
        if not self.frame.python:
            raise EvollmError(
                "only expressions of Python source can be held to a grammar: use the method model"
            )

    @property
    def io_bound(self) -> bool:
        """True, because the call waits for a model."""
        return True

    def vary(self, parents: Sequence[Parent[str]], n: int, seed: int) -> Offspring[str]:
        """Return up to ``n`` children of the first parent."""
        rng, shown = np.random.default_rng(seed), _shown(parents)
        known = {self.frame.key(parent.genome) for parent in parents}
        made: list[tuple[str, str]] = []
        rejected: Counter[str] = Counter()
        for _ in range(self.rounds * n):
            if len(made) == n:
                break
            try:
                child, call = self._child(parents[0].genome, shown, rng)
                if (key := self.frame.key(child)) in known:
                    raise Unusable("the program is unchanged, or one of those shown")
            except Unusable as reason:
                rejected[reason.kind] += 1
            else:
                known.add(key)
                made.append((child, call))
        own = [list(range(len(parents)))] * len(made)
        calls = [[call] for _, call in made]
        children = [child for child, _ in made]
        return Offspring(children, [], dict(rejected), own, n, len(made), calls)

    def _child(self, block: str, shown: str, rng: Generator) -> tuple[str, str]:
        """Return a child of a block and the key of the call that it comes from."""
        tree = tree_of(block)
        found = places(tree)
        if not found:
            raise Unusable("there is no expression to change")
        place = found[rng.integers(len(found))]
        names = _names(tree, place)
        place.put(ast.Name(_HOLE, ast.Load()))
        before = written(tree, block).partition(_HOLE)[0]
        sampling = replace(
            self.sampling, seed=int(rng.integers(SEEDS)), stop="\n", grammar=grammar(names)
        )
        [[answer]] = self.model.complete([shown + before.rstrip(" ")], sampling, 1)
        if answer.error:
            raise Unusable(f"the answer is unusable: {answer.error}")
        place.put(_parsed(answer.text))
        return self.frame.checked(written(tree, block)), answer.key


def grammar(names: Iterable[str]) -> str:
    """Return the grammar of an expression with these names, in GBNF."""
    return _GRAMMAR + " | ".join(f'"{name}"' for name in sorted(names)) + "\n"


def _names(tree: ast.Module, place: Place) -> set[str]:
    """Return the variables that are set before a place: arguments, and targets of earlier lines."""
    line = place.node.lineno
    found = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.lineno < line
    }
    found |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    if not found:
        raise Unusable("no variable is known at the place")
    return found


def _shown(parents: Sequence[Parent[str]]) -> str:
    """Return the parents under their scores, and the score that is wanted."""
    scored = {
        parent.genome: parent.fitness
        for parent in parents
        if isinstance(parent, Individual) and isfinite(parent.fitness)
    }
    known = sorted((score, block) for block, score in scored.items())
    text = "".join(f"# score: {score:.4g}\n{_plain(block)}\n\n" for score, block in known)
    if not known:
        return ""
    low, high = known[0][0], known[-1][0]
    return f"{text}# score: {high + GOAL * (high - low or abs(high) or 1.0):.4g}\n"


def _plain(block: str) -> str:
    """Return a block without comments, in the layout of those that are written."""
    return written(tree_of(block), block)


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unusable("the answer is no expression") from None
