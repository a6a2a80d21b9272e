"""Fitting: prompts of wide tables hold the parents' columns and the most telling others."""

import random
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm.errors import EvollmError
from evollm.llm.base import Sampling
from evollm.llm.client.contexts import estimate
from evollm.llm.scripted import Scripted
from operators.trees.columns import Column, Columns
from operators.trees.context import TreeContext
from operators.trees.fitting import fitted
from operators.trees.genome import Leaf, Split
from operators.trees.llego import DiverseMutation, GuidedCrossover
from operators.trees.prompting import TreePrompt
from operators.trees.rewriting import SubtreeRewriting
from tests.evollm.llm.support_faulty import Act, Seen, Server, complain, endpoint, say
from tests.operators.trees.test_prompting import individual
from tests.support_each import each

WIDE = Columns(tuple(Column(f"measure {i}", (0.5,), (), 0.0, 1.0) for i in range(300)), (0, 1))
ORDER = tuple(random.Random(0).sample(range(300), 300))
CONTEXT = TreeContext(
    "Tell who is ill.",
    tuple(f"{token}: 0 to 1" for token in WIDE.tokens),
    "classes: 0 = no, 1 = yes",
    ORDER,
)
LAST = ORDER[-1]
PARENTS = [
    individual(Split(LAST, 0.5, Leaf(0), Split(ORDER[-2], 0.25, Leaf(0), Leaf(1))), 0.7, 1),
    individual(Split(ORDER[0], 0.5, Leaf(0), Leaf(1)), 0.6, 2),
]
LIMIT = 1200


def shown(prompt: str) -> list[int]:
    """Return the columns that a prompt describes."""
    return [int(found) for found in re.findall(r"^measure_(\d+): ", prompt, re.MULTILINE)]


def refusing(said: str, first: list[int]) -> object:
    """Return a script that takes ``LIMIT`` tokens, and counts refusals in ``first``."""

    def script(seen: Seen) -> Act:
        asked = estimate(seen.prompt) + int(seen.body["max_tokens"])
        if asked > LIMIT:
            first.append(asked)
            return complain(400, said, code="context_length_exceeded")
        name = WIDE.tokens[(shown(seen.prompt) or [0])[0]]  # none in the probe of its abilities
        return say(f"({name}<0.25 0 1)", seen)

    return script


@each("said", [f"maximum context length is {LIMIT} tokens", "shorten it"])
def test_a_limit_is_learnt_and_columns_are_chosen(said: str) -> None:
    refused: list[int] = []
    with Server(refusing(said, refused)) as server:  # type: ignore[arg-type]
        model = endpoint(server)
        asking = TreePrompt(model, WIDE, CONTEXT, hold="none")
        cross = GuidedCrossover(asking, spare=0)
        made = cross.vary(PARENTS, 1, 0)
        assert len(made.genomes) == 1
        assert not made.rejected
        assert refused
        prompt = server.seen[-1].prompt
        told = shown(prompt)
        assert {LAST, ORDER[-2], ORDER[0]} <= set(told)
        others = [i for i in told if i not in (LAST, ORDER[-2])]
        assert others == list(ORDER[: len(others)])
        assert 20 < len(told) < 300
        known = len(refused)
        assert len(DiverseMutation(asking, tau=float("inf")).vary(PARENTS, 1, 1).genomes) == 1
        if "maximum" in said:
            assert len(refused) == known, "what was learnt holds for the next prompts"


@dataclass
class Small(Scripted):
    """A scripted model with a context."""

    context: int | None = LIMIT


def heard(limit: int | None, **settings: object) -> tuple[TreePrompt, list[tuple[str, dict]]]:  # type: ignore[type-arg]
    calls: list[tuple[str, dict]] = []  # type: ignore[type-arg]

    def listen(prompt: str, sample: int, sampling: Sampling) -> str:
        calls.append((prompt if isinstance(prompt, str) else prompt[0]["content"], sampling))
        return " 0"

    model = Small(listen, context=limit)  # type: ignore[arg-type]
    return TreePrompt(model, WIDE, CONTEXT, **settings), calls  # type: ignore[arg-type]


@each("limit", [700, 1200, 3000])
def test_prompts_fit_are_as_full_as_can_be_and_the_grammar_knows_no_more(limit: int) -> None:
    asking, calls = heard(limit)
    for operator in (GuidedCrossover(asking), DiverseMutation(asking), SubtreeRewriting(asking)):
        operator.vary(PARENTS, 1, 0)
    for prompt, sampling in calls:
        tokens = estimate(prompt) + 1
        assert tokens + sampling.max_tokens <= limit
        assert tokens + min(224, limit // 4) + 2 * 15 > limit, "another column would not fit"
        named = {int(i) for i in re.findall(r'"measure_(\d+)<"', sampling.grammar)}
        assert named == set(shown(prompt))


def test_a_schema_knows_what_is_shown_only() -> None:
    asking, calls = heard(1500, form="json", hold="schema", mode="chat")
    GuidedCrossover(asking, spare=0).vary(PARENTS, 1, 0)
    [(prompt, sampling)] = calls
    named = set(re.findall(r"'(measure \d+)'", str(sampling.schema)))
    assert named == {f"measure {i}" for i in shown(prompt)}
    assert 3 < len(named) < 300


def test_what_fits_or_has_no_limit_is_shown_in_full_and_in_the_tables_order() -> None:
    for limit in (None, 100_000):
        asking, calls = heard(limit)
        GuidedCrossover(asking, spare=0).vary(PARENTS, 1, 0)
        assert shown(calls[0][0]) == list(range(300))
        assert calls[0][1].max_tokens == 14 * 2**4


def test_prompts_with_different_parents_begin_alike() -> None:
    asking, calls = heard(LIMIT)
    for parents in ([PARENTS[0]], [individual(Split(ORDER[150], 0.5, Leaf(0), Leaf(1)), 0.5)]):
        DiverseMutation(asking, candidates=1, spare=0).vary(parents, 1, 0)
    one, other = (shown(prompt) for prompt, _ in calls)
    assert one[:-3] == other[: len(one) - 3]


def test_what_cannot_fit_is_refused_with_the_tokens_and_the_remedy() -> None:
    asking, calls = heard(150)
    with pytest.raises(EvollmError, match=r"with the 3 columns .* has \d+ tokens") as refused:
        GuidedCrossover(asking).vary(PARENTS, 1, 0)
    assert "context has 150" in str(refused.value)
    assert "offline(context=...)" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not calls
    wordy = TreePrompt(Small(lambda *_: "", context=200), WIDE, TreeContext("Please. " * 200))
    with pytest.raises(EvollmError, match=r"a prompt has 8\d\d tokens and its answer may have 50"):
        wordy.check()


@given(st.integers(1, 12), st.integers(0, 12), st.integers(5, 200), st.integers(1, 60))
def test_the_greatest_number_of_columns_is_found(columns, least, limit, room):
    least = min(least, columns)

    def write(places):
        return ["1" * 7 * (columns if places is None else len(places))]

    spare = min(room, limit // 4)
    fits = [k for k in range(least, columns + 1) if 7 * k + 1 + spare <= limit]
    ranked = list(range(columns))
    if not fits:
        with pytest.raises(EvollmError, match="tokens"):
            fitted(object(), write, ranked, least, room, limit)
        return
    found = fitted(object(), write, ranked, least, room, limit)
    assert len(found.prompts[0]) == 7 * max(fits)
    assert found.shown == (None if max(fits) == columns else frozenset(range(max(fits))))
    assert spare <= found.room <= room
    assert len(found.prompts[0]) + 1 + found.room <= limit
