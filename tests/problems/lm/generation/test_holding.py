"""Texts held to grammars and schemas, in this process."""

import json
import re
from collections import Counter
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import decoders

from evollm.errors import EvollmError
from evollm.llm.base import ModelError, Sampling
from operators.programs.holding import grammar as programs
from operators.vectors.framed import grammar as points
from problems.lm import LM
from problems.lm.generation import Decoding, generate
from problems.lm.generation.answering import Answering
from problems.lm.generation.holding import held
from problems.lm.tokens import ids_of
from tests.support_each import each

NESTED = 'root ::= part+ "\\n"\npart ::= "(" part* ")" | [xy]'
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}, "ok": {"type": "boolean"}},
    "required": ["n", "ok"],
    "additionalProperties": False,
}


def nested(text: str) -> bool:
    while (shorter := re.sub(r"\([xy]*\)", "x", text)) != text:
        text = shorter
    return bool(re.fullmatch(r"[xy]+\n", text))


def a_point(text: str) -> bool:
    return bool(re.fullmatch(r"\d\d,\d\d,\d\d", text))


def an_expression(text: str) -> bool:
    names = {"a": 2.0, "b": 3.0, "min": min, "max": max, "abs": abs}
    try:
        return np.isfinite(eval(text, {"__builtins__": {}}, names))
    except ZeroDivisionError:
        return True


def an_object(text: str) -> bool:
    found = json.loads(text)
    return set(found) == {"n", "ok"} and 0 <= found["n"] <= 9 and isinstance(found["ok"], bool)


@each(
    "form, right",
    [
        (NESTED, nested),
        (points(3, 2, exact=True), a_point),
        (programs(["a", "b"]), an_expression),
        (SCHEMA, an_object),
    ],
)
@each("temperature", [0.0, 1.0])
def test_each_whole_text_has_its_form(lm: LM, form: Any, right: Any, temperature: float) -> None:
    decoding = Decoding(temperature, samples=12)
    [found] = generate(lm, ["She"], 80, forms=[form], decoding=decoding)
    whole = [one for one in found if one.reason != "length"]
    assert len(whole) >= (temperature > 0)
    for one in whole:
        assert right(one.text), one.text


def test_tokens_are_as_likely_as_among_those_that_may_follow(lm: LM) -> None:
    n = 2000
    decoding = Decoding(1.0, samples=n, batch=n)
    [found] = generate(lm, ["She"], 3, forms=['root ::= "a" | "b" | "."'], decoding=decoding)
    ids = torch.tensor([[*lm.before, *ids_of(lm, "She")]])
    scores = lm.model(ids).logits[0, -1].float()
    [[a], [b], [c]] = (ids_of(lm, text) for text in "ab.")
    expected = torch.softmax(scores[[a, b, c]], 0)
    counts = Counter(one.text for one in found)
    assert set(counts) <= {"a", "b", "."}
    for text, share in zip("ab.", expected.tolist(), strict=True):
        assert counts[text] / n == pytest.approx(share, abs=4 * (share * (1 - share) / n) ** 0.5)


def test_free_texts_beside_held_ones_are_as_alone(lm: LM) -> None:
    prompts, decoding = ["She", "The harbour", "He"], Decoding(1.0)
    found = generate(lm, prompts, 9, forms=[None, NESTED, None], decoding=decoding, seed=[1, 2, 3])
    alone = [generate(lm, [prompts[i]], 9, decoding=decoding, seed=[i + 1])[0] for i in (0, 2)]
    assert [found[0], found[2]] == alone
    assert re.fullmatch(r"[xy()]+\n?", found[1][0].text)


def test_likelihoods_are_those_before_the_grammar(lm: LM) -> None:
    decoding = Decoding(likeliest=2)
    [[free]] = generate(lm, ["She"], 1, decoding=decoding)
    [[one]] = generate(lm, ["She"], 1, forms=["root ::= [xy] [xy]"], decoding=decoding)
    assert one.likely[0].top == free.likely[0].top
    assert one.likely[0].logprob <= free.likely[0].logprob


def test_a_model_is_asked_for_grammars_and_schemas_as_an_endpoint_is(lm: LM) -> None:
    sampling = Sampling(mode="plain", max_tokens=80, schema=SCHEMA, seed=1)
    [found] = Answering(lm).complete(["She"], sampling, 4)
    assert any(one.error is None for one in found)
    assert all(an_object(one.text) for one in found if one.error is None)
    short = Sampling(mode="plain", max_tokens=9, grammar='root ::= "yes" | "no"', seed=1)
    [found] = Answering(lm).complete(["She"], short, 4)
    assert {one.text for one in found} <= {"yes", "no"}
    assert not any(one.error for one in found)


@each(
    "more, message",
    [
        ({"grammar": "root := x"}, "the grammar can't be read"),
        ({"grammar": "root ::= missing"}, "the grammar has no rule 'missing'"),
        ({"schema": {"type": "number", "multipleOf": -1}}, "schema"),
    ],
)
def test_what_can_not_be_read_is_refused(lm: LM, more: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Answering(lm).complete(["She"], Sampling(mode="plain", **more))


def test_forms_are_for_each_prompt(lm: LM) -> None:
    with pytest.raises(EvollmError, match="a form for each or none"):
        generate(lm, ["She", "He"], 3, forms=[NESTED])


def test_tokens_are_bytes_whatever_else_a_tokenizer_falls_back_to(lm: LM) -> None:
    tokenizer = deepcopy(lm.tokenizer)
    also = [decoders.ByteFallback(), decoders.Fuse(), decoders.Replace("▁", " ")]
    tokenizer.backend_tokenizer.decoder = decoders.Sequence([*also, decoders.ByteLevel()])
    text = held(replace(lm, tokenizer=tokenizer), 'root ::= "She (" [a-z]+')
    for token in tokenizer("She (is", add_special_tokens=False)["input_ids"]:
        text.add(token)
    text.end()
