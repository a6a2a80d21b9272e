"""Grammars in GBNF: which texts they allow, and what is no grammar."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from llguidance import LLMatcher
from llguidance.hf import from_tokenizer

from evollm.errors import EvollmError
from problems.lm import LM
from problems.lm.generation.gbnf import Chars, Choice, Name, Node, Repeat, Rules, Series, read
from problems.lm.generation.lark import lark
from tests.support_each import each

SHORT = ["".join(text) for size in range(6) for text in product("xy", repeat=size)]


def series(text: str) -> Series:
    """Return a literal."""
    return Series(tuple(Chars(((ord(one), ord(one)),)) for one in text))


def ends(rules: Rules, node: Node, text: str, at: int, deep: int = 0) -> Iterator[int]:
    """Yield where a node may end that begins at a place: by trying everything."""
    if deep > 14:
        return
    match node:
        case Chars(ranges, negated):
            if at < len(text) and negated != any(a <= ord(text[at]) <= b for a, b in ranges):
                yield at + 1
        case Name(rule):
            yield from ends(rules, rules[rule], text, at, deep + 1)
        case Choice(options):
            for option in options:
                yield from ends(rules, option, text, at, deep + 1)
        case Series(parts):
            places = {at}
            for part in parts:
                places = {end for one in places for end in ends(rules, part, text, one, deep + 1)}
            yield from places
        case Repeat(part, least, most):
            places, found = {at}, {at} if least == 0 else set[int]()
            for count in range(1, 8 if most is None else most + 1):
                places = {end for one in places for end in ends(rules, part, text, one, deep + 1)}
                found |= places if count >= least else set()
            yield from found


def drawn(rng: np.random.Generator, names: list[str], depth: int = 3) -> str:
    """Return a part of a random rule."""
    kinds = ["literal", "class", "name"] + ["series", "choice", "repeat"] * (depth > 0)
    match rng.choice(kinds):
        case "literal":
            return f'"{"".join(rng.choice(list("xy"), rng.integers(1, 3)))}"'
        case "class":
            return str(rng.choice(["[xy]", "[^x]", "[x-y]", "[x]"]))
        case "name":
            return str(rng.choice(names))
        case "series":
            return " ".join(drawn(rng, names, depth - 1) for _ in range(2))
        case "choice":
            return f"({drawn(rng, names, depth - 1)} | {drawn(rng, names, depth - 1)})"
    return f"({drawn(rng, names, depth - 1)}){rng.choice(['*', '+', '?', '{2}', '{1,2}'])}"


def written(rng: np.random.Generator, recursive: bool) -> str:
    """Return a random grammar of three rules."""
    known = ["root", "a", "b"]
    later = {"root": ["a", "b"], "a": ["b"]}
    lines = [f"{name} ::= {drawn(rng, known if recursive else later[name])}" for name in later]
    return "\n".join([*lines, 'b ::= [xy] | "xy"'])


@pytest.mark.parametrize("recursive", [False, True])
def test_the_same_texts_are_whole_as_by_trying_everything(lm: LM, recursive: bool) -> None:
    tokens = from_tokenizer(lm.tokenizer, n_vocab=lm.vocabulary, eos_token=list(lm.ends))
    rng, compared = np.random.default_rng(int(recursive)), 0
    while compared < 20:
        text = written(rng, recursive)
        try:
            rules = read(text)
        except EvollmError:  # it goes on for ever
            continue
        whole = {one for one in SHORT if len(one) in ends(rules, Name("root"), one, 0)}
        if not whole - {""}:
            continue
        start = LLMatcher(tokens, LLMatcher.grammar_from_lark(lark(rules)), log_level=0)
        assert not start.get_error(), text
        found = set()
        for one in SHORT:
            now = start.deep_copy()
            ids = tokens.tokenize_str(one)
            if now.try_consume_tokens(ids) == len(ids) and now.is_accepting():
                found.add(one)
        assert found - {""} == whole - {""}, text
        compared += 1


@each(
    "text, wanted",
    [
        (r'root ::= "\u00e9\U0001F389\x41\n\"\\"', series('é🎉A\n"\\')),
        (r"root ::= [a-c\]^-]", Chars(((97, 99), (93, 93), (94, 94), (45, 45)))),
        ('root ::= [^"&&]', Chars(((34, 34), (38, 38), (38, 38)), True)),
        (
            "# words\nroot ::= (\n  a # one\n  | b){2,}\na ::= .\nb ::= a?\n",
            Repeat(Choice((Name("a"), Name("b"))), 2, None),
        ),
        ("root ::= a |\n a\na::=[x]+*", Choice((Name("a"), Name("a")))),
        ("\r\nroot ::= [x]{3} \r\n", Repeat(Chars(((120, 120),)), 3, 3)),
        ("root ::= a-b\na-b ::= [x]{2,3}", Name("a-b")),
        ('root ::= ("a" | )', Choice((series("a"), Series(())))),
    ],
)
def test_what_is_read(text: str, wanted: Node) -> None:
    assert read(text)["root"] == wanted


@each(
    "text, message",
    [
        ("", "has no rule 'root'"),
        ("start ::= [x]", "has no rule 'root': add one"),
        ("root ::= missing", "has no rule 'missing'"),
        ("root := x", "line 1, column 6 should have ::="),
        ('root ::= "x', 'column 12 should have "'),
        ("root ::= [x", "should have ]"),
        ("root ::= []", "should have a character between"),
        ("root ::= [z-a]", "should have a range that rises"),
        ("root ::= (x", "should have )"),
        ("root ::= [x]{3,1}", "should have at least one repetition"),
        ("root ::= [x]{a}", "should have {m}, {m,} or {m,n}"),
        ('root ::= "\\q"', "should have an escape"),
        ('root ::= "\\ud800"', "should have an escape"),
        ('root ::= "\\', "should have an escape"),
        ("root ::= [x]\n= [y]", "line 2, column 1 should have the name of a rule"),
        ("root ::= [x] <[3]>", "should have a part of a rule"),
        ('root ::= "a" root', "allows no whole text"),
        ("root ::= x\nx ::= y\ny ::= x", "allows no whole text"),
    ],
)  # fmt: skip
def test_what_is_no_grammar_is_said(text: str, message: str) -> None:
    with pytest.raises(EvollmError) as error:
        read(text)
    assert message in str(error.value)
