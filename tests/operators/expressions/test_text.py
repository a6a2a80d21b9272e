"""Expressions as text: what is written is read again, and nonsense is refused in a sentence."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evollm import EvollmError
from operators.deap.genomes import Expression
from operators.expressions.functions import FUNCTIONS
from operators.expressions.genome import NUMBER, code_of, height, key_of
from operators.expressions.grammar import grammar
from operators.expressions.primitives import Primitives, words
from operators.expressions.reading import LONGEST, read, read_answer
from operators.expressions.variation import random_expressions
from operators.expressions.writing import write
from tests.support_each import each

ALL = Primitives(("x", "y_2"), tuple(FUNCTIONS))
FEW = Primitives(("x",), ("add", "mul", "sin"), constants=0)


def _joined(below):
    one = [name for name, known in FUNCTIONS.items() if known.arity == 1]
    two = [name for name, known in FUNCTIONS.items() if known.arity == 2]
    unary = st.tuples(st.sampled_from(one), below).map(lambda pair: [pair[0], *pair[1]])
    binary = st.tuples(st.sampled_from(two), below, below)
    return unary | binary.map(lambda three: [three[0], *three[1], *three[2]])


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.sampled_from(["x", "y_2"]).map(lambda name: [name]) | FLOATS.map(
    lambda value: [[NUMBER, value]]
)
NODES = st.recursive(LEAVES, _joined, max_leaves=12)


@settings(max_examples=60, deadline=None)
@given(NODES)
def test_what_is_written_is_read_again(nodes):
    genome = ALL.genome(nodes)
    assert genome.code == code_of(nodes)
    again = read(write(genome), ALL)
    assert again == genome
    assert write(again) == write(genome)
    assert height(genome) == ALL.form.from_genome(genome).height


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="xy_2 sincolg()+-*/^.,e19\t²é\0", max_size=30))
def test_any_text_is_an_expression_or_refused(text):
    try:
        genome = read(text, ALL)
    except EvollmError:
        return
    assert read(write(genome), ALL) == genome


@each(
    ("text", "nodes"),
    [
        ("x+2*x", ["add", "x", "mul", [NUMBER, 2.0], "x"]),
        ("x - x - x", ["sub", "sub", "x", "x", "x"]),
        ("-x^2", ["neg", "square", "x"]),
        ("(-2)^2", ["square", [NUMBER, -2.0]]),
        ("-2^2", ["neg", "square", [NUMBER, 2.0]]),
        ("x**6", ["cube", "square", "x"]),
        ("x^0.5 + ln(x)", ["add", "sqrt", "x", "log", "x"]),
        ("x^5", ["mul", "x", "mul", "square", "x", "square", "x"]),
        ("max(x, -1e-5)", ["max", "x", [NUMBER, -1e-5]]),
        ("2*pi", ["mul", [NUMBER, 2.0], [NUMBER, np.pi]]),
    ],
)
def test_signs_powers_and_synonyms(text, nodes):
    assert read(text, ALL).nodes == nodes


def test_without_signs_and_powers_in_the_set_products_stand_for_them():
    primitives = Primitives(("x",), ("add", "mul"))
    assert read("-x^3", primitives).nodes == ["mul", [NUMBER, -1.0], "mul", "x", "mul", "x", "x"]


@each(
    ("text", "said"),
    [
        ("", "ends too early"),
        ("x +", "ends too early"),
        ("x x", "can't go on with 'x'"),
        ("z", "no variable 'z'"),
        ("cos(x)", "no function 'cos'"),
        ("sin(x, x)", "sin takes 1 arguments, not 2"),
        ("sin(x", "lacks a closing bracket"),
        ("x + 1", "constants is 0"),
        ("x^1.5", "a power can't be '1.5'"),
        ("x - x", "no function 'sub'"),
        ("__import__('os')", "can't contain \"'\""),
        ("x.real", "can't contain '.'"),
        ("(" * 100 + "x" + ")" * 100, "too many brackets"),
        ("+".join(["x"] * LONGEST), "is too long"),
        ("((((x^9)^9)^9)^9)", "too large powers"),
        ("x²", "can't contain '²'"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(text, said):
    with pytest.raises(EvollmError, match=re.escape(said)):
        read(text, FEW)


def test_an_answer_is_its_first_line_after_an_equals_sign_within_limits():
    assert read_answer(" y = x*x \nScore 3", FEW, None, None).nodes == ["mul", "x", "x"]
    with pytest.raises(EvollmError, match="height 2 is too high: write 1"):
        read_answer("sin(sin(x))", FEW, 1, None)
    with pytest.raises(EvollmError, match="of 3 nodes is too large: write 2"):
        read_answer("x + x", FEW, None, 2)


def test_a_number_that_is_not_finite_is_refused():
    with pytest.raises(EvollmError, match="not finite"):
        read("1e999", ALL)


def test_the_key_ignores_the_order_of_arguments_where_it_does_not_matter():
    assert key_of(read("x + y_2*2", ALL)) == key_of(read("2*y_2 + x", ALL))
    assert key_of(read("x - y_2", ALL)) != key_of(read("y_2 - x", ALL))


def test_names_become_different_words():
    names = ["body mass", "body_mass", "sin", "1st", "é", "", "lambda", "x", "x"]
    found = words(names)
    assert len(set(found)) == len(names)
    assert found[:4] == ("body_mass_2", "body_mass", "sin_", "x_1st")
    Primitives(found)
    with pytest.raises(EvollmError, match="can't be called 'a b'"):
        Primitives(("a b",))
    with pytest.raises(EvollmError, match="no function 'sine'; did you mean 'sin'"):
        Primitives(("x",), ("add", "sine"))
    with pytest.raises(EvollmError, match="of two arguments"):
        Primitives(("x",), ("sin",))


def test_the_grammar_holds_what_is_written_and_all_of_it_is_read():
    primitives = Primitives(("x", "y"), ("add", "sub", "mul", "square", "sin", "max"))
    shallow = re.compile(_shallow(primitives))
    texts = ["x*y + 2", "sin(x)", "max(x, -2.5)", "(x - y)^2", "x + y - 1", "x^2*y"]
    for text in texts:
        assert shallow.fullmatch(text + "\n"), text
        read(text, primitives)
    for text in ["x +", "sin x", "cos(x)", "x y", "z"]:
        assert not shallow.fullmatch(text + "\n"), text


def _shallow(primitives):
    """Return the grammar with one level of brackets as a regular expression."""
    lines = grammar(primitives, levels=1).splitlines()
    rules = dict(line.split(" ::= ", 1) for line in lines)

    def expand(rule):
        pieces = re.findall(r'"(?:\\.|[^"])*"|\[[^]]*\]|[A-Za-z]\w*|[()|?]', rules[rule])
        return "".join(
            re.escape(piece[1:-1].replace("\\n", "\n"))
            if piece[0] == '"'
            else f"(?:{expand(piece)})"
            if piece[0].isalpha()
            else piece
            for piece in pieces
        )

    return expand("root")


def test_random_expressions_are_read_again_from_their_text():
    made = random_expressions(ALL).vary([], 100, seed=1).genomes
    assert all(isinstance(one, Expression) for one in made)
    assert [read(write(one), ALL) for one in made] == made
