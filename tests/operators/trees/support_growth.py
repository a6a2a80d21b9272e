"""Trees for tests: a table's columns, and hypothesis strategies over them."""

from hypothesis import strategies as st

from operators.trees.columns import Column, Columns
from operators.trees.genome import Leaf, Split

NUMBERS = tuple(i / 2 for i in range(-8, 9))
HALVES = st.sampled_from(NUMBERS)
COLUMNS = Columns(
    (
        Column("glucose", NUMBERS, (), -4.0, 4.0, "mg/dl"),
        Column("body mass (kg/m2)", NUMBERS, (), -4.0, 4.0),
        Column("colour", categories=("red", "dark blue", "green"), gaps=True),
    ),
    ("no", "yes", "maybe so"),
)
REGRESSION = Columns(COLUMNS.columns, (), -2.0, 5.0)


def trees(columns=COLUMNS, most=4, thresholds=HALVES, gaps=True):
    leaf = (
        st.builds(Leaf, st.integers(0, len(columns.classes) - 1))
        if columns.classes
        else st.builds(Leaf, st.sampled_from(NUMBERS))
    )
    missing = st.booleans() if gaps else st.just(False)

    def grow(depth):
        if depth == 0:
            return leaf
        branch = grow(depth - 1)
        options = [leaf]
        for i, column in enumerate(columns.columns):
            if column.categories:
                codes = st.sets(st.integers(0, len(column.categories) - 1), min_size=1)
                chosen = codes.map(lambda found: tuple(sorted(found)))
                options.append(
                    st.builds(Split, st.just(i), st.just(0.0), branch, branch, chosen, missing)
                )
            else:
                options.append(
                    st.builds(Split, st.just(i), thresholds, branch, branch, st.just(()), missing)
                )
        return st.one_of(options[::-1])

    return grow(most)
