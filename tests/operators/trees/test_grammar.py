import re

from hypothesis import given

from operators.trees.columns import Column, Columns
from operators.trees.genome import Leaf, Split, depth
from operators.trees.line import grammar, write
from operators.trees.reading import read
from tests.operators.trees.support_growth import COLUMNS, REGRESSION, trees
from tests.support_each import each

PIECE = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[a-z]+\d*|[()|?])')


def expression(text):
    """Turn a grammar without recursion into a regular expression."""
    rules = dict(line.split(" ::= ", 1) for line in text.strip().splitlines())

    def expand(name):
        made = ""
        for piece in PIECE.findall(rules[name]):
            if piece[0] == '"':
                made += f"(?:{re.escape(piece[1:-1])})"
            elif piece[0].isalpha():
                made += expand(piece)
            else:
                made += "(?:" if piece == "(" else piece
        return f"(?:{made})"

    return re.compile(expand("root"))


FOUR = {columns: expression(grammar(columns, 3)) for columns in (COLUMNS, REGRESSION)}


@given(trees(most=3))
def test_a_grammar_takes_every_tree_of_its_depth_that_splits(tree):
    line = write(tree, COLUMNS).replace("?", "")
    assert bool(FOUR[COLUMNS].fullmatch(line)) == (depth(tree) > 0)


@given(trees(REGRESSION, most=3))
def test_leaves_may_be_numbers(tree):
    line = write(tree, REGRESSION).replace("?", "")
    assert bool(FOUR[REGRESSION].fullmatch(line)) == (depth(tree) > 0)


@each(
    "line",
    [
        "yes",
        "(glucose<1 no yes",
        "(glucos<1 no yes)",
        "(glucose<1 no yes) ",
        "(glucose<1 no)",
        "(glucose<99 no yes)",
        "(glucose<1 (glucose<1 (glucose<1 (glucose<1 no yes) no) no) no)",
        "(colour in{} no yes)",
        "(glucose<1? no yes)",
    ],
)
def test_a_grammar_takes_nothing_else(line):
    assert not FOUR[COLUMNS].fullmatch(line)


def test_gaps_allow_a_mark():
    assert FOUR[COLUMNS].fullmatch("(colour in{red,green}? no yes)")


def test_a_subtree_may_be_a_leaf():
    assert expression(grammar(COLUMNS, 1, lone_leaf=True)).fullmatch("yes")
    assert expression(grammar(COLUMNS, 0)).fullmatch("yes")


@each(
    ("low", "high", "good", "bad"),
    [
        (0.0, 200.0, ["127.5", "0.0001", "199"], ["-1", "1270", "1e3"]),
        (-3.0, 3.0, ["-2.5"], ["-25.5"]),
        (0.0, 0.004, ["0.003512"], ["10", "0.00351234"]),
        (0.0, 2e6, ["1235000"], ["12350000"]),
        (float("-inf"), float("inf"), ["-1235000"], []),
    ],
)
def test_numbers_have_the_digits_that_their_column_needs(low, high, good, bad):
    columns = Columns((Column("a", (), (), low, high),), (0, 1))
    held = expression(grammar(columns, 1))
    assert all(held.fullmatch(f"(a<{number} 0 1)") for number in good)
    assert not any(held.fullmatch(f"(a<{number} 0 1)") for number in bad)


def test_what_a_grammar_takes_can_be_read():
    line = "(colour in{red,red,green} (glucose<-0.5 no yes) maybe_so)"
    assert FOUR[COLUMNS].fullmatch(line)
    assert read(line, COLUMNS, 3).tree == Split(
        2, 0.0, Split(0, -0.5, Leaf(0), Leaf(1)), Leaf(2), (0, 2)
    )
