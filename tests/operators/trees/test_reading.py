from hypothesis import given
from hypothesis import strategies as st

from operators.trees.genome import Leaf, Split, depth
from operators.trees.line import write
from operators.trees.reading import read
from tests.operators.trees.support_growth import COLUMNS, REGRESSION, trees
from tests.support_each import each

GOOD = "(glucose<1.5 (colour in{red,green} no yes) yes)"


@each(
    ("text", "fault", "detail"),
    [
        ("", "malformed", "no tree"),
        ("I can't do that", "malformed", "no tree"),
        ("(glucos<1 no yes)", "unknown feature", "did you mean 'glucose'"),
        ("(<1 no yes)", "unknown feature", "'<'"),
        ("(glucose<1 no nope)", "unknown value", "no class 'nope'"),
        ("(colour in{read} no yes)", "unknown value", "did you mean 'red'"),
        ("(glucose<nan no yes)", "not finite", "nan"),
        ("(glucose<-inf no yes)", "not finite", "inf"),
        ("(glucose<1e999 no yes)", "not finite", "1e999"),
        ("(glucose<one no yes)", "malformed", "'one' is not a number"),
        ("(glucose<0x10 no yes)", "malformed", "not a number"),
        ("(glucose>1 no yes)", "unknown feature", "glucose>1"),
        ("(glucose no yes)", "malformed", "must be followed by '<'"),
        ("(colour<1 no yes)", "malformed", "must be followed by 'in{...}'"),
        ("(colour in{} no yes)", "malformed", "must be followed"),
        ("(colour in{red no yes)", "malformed", "must be followed"),
        ("(glucose<1 no yes maybe_so)", "malformed", "two branches"),
        ("(glucose<1 no", "malformed", "ends within"),
        ("(glucose<1 (glucose<1 (glucose<1 no yes) no) no)", "too deep", "deeper"),
        ("(" * 5000, "unknown feature", "'('"),
        ("(glucose<1 " * 5000, "too deep", "deeper"),
        ("((glucose<1 no yes))", "unknown feature", "'('"),
    ],
)
def test_faults_are_named(text, fault, detail):
    found = read(text, COLUMNS, 2)
    assert found.tree is None
    assert found.fault == fault
    assert detail in found.detail


def test_missing_brackets_at_the_end_are_added_and_said():
    for missing in (1, 2):
        found = read("(glucose<1 no (glucose<2 no yes))"[:-missing], COLUMNS, 2)
        assert found.tree == Split(0, 1.0, Leaf(0), Split(0, 2.0, Leaf(0), Leaf(1)))
        assert found.repaired


def test_white_space_signs_and_text_around_do_not_matter():
    tree = read(GOOD, COLUMNS, 2).tree
    for text in (
        GOOD.replace("<", " <= "),
        f"Here it is:\n{GOOD}\nIt asks for glucose (first).",
        GOOD.replace("in{red,green}", "in { green , red }"),
        GOOD.replace("(", "( ").replace(")", " )").replace(" ", "\n"),
    ):
        assert read(text, COLUMNS, 2).tree == tree
        assert tree is not None


def test_plain_names_are_taken_too_if_they_are_one_word():
    assert read("(body_mass_kg_m2<1 no yes)", COLUMNS, 1).tree == Split(1, 1.0, Leaf(0), Leaf(1))


def test_a_lone_leaf_may_be_all():
    assert read(" yes\n", COLUMNS, 2).tree == Leaf(1)
    assert read("2.5", REGRESSION, 0).tree == Leaf(2.5)
    assert read("yes or no", COLUMNS, 2).tree is None


def test_thresholds_outside_of_the_known_range_are_kept_and_counted():
    found = read("(glucose<400 (glucose<-9 no yes) yes)", COLUMNS, 2)
    assert found.tree is not None
    assert found.outside == 2


@given(st.text("(glucose<1.5 colour in{red,no} yes)?\n", max_size=60))
def test_any_text_is_read_or_refused(text):
    found = read(text, COLUMNS, 3)
    assert (found.tree is None) == bool(found.fault)
    if found.tree is not None:
        assert depth(found.tree) <= 3
        assert read(write(found.tree, COLUMNS, 17), COLUMNS, 3).tree == found.tree


@given(trees(most=4), st.integers(0, 4))
def test_depth_is_never_exceeded(tree, most):
    found = read(write(tree, COLUMNS), COLUMNS, most)
    assert (found.fault == "too deep") == (depth(tree) > most)
