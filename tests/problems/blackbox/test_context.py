import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import Candidate, EvollmError, Individual, Outcome
from operators.vectors.rows import RowFormat
from problems.blackbox.context import Context, check_order, fittest, select

R = 1000


def rows(step, *pairs):
    return [
        Individual(Candidate(100 * step + i, np.array([place]), (), "test", step), Outcome(fitness))
        for i, (place, fitness) in enumerate(pairs)
    ]


def shown(history, context, seed=0):
    sections = select(history, context, R, np.random.default_rng(seed))
    return [[row.fitness for row in section] for section in sections]


G0 = rows(0, (0.340, -15.4625), (0.270, -24.58), (0.375, -18.385), (0.295, -18.605))
G1 = rows(1, (0.420, -8.08), (0.365, -16.085), (0.315, -15.145), (0.390, -11.9725))
G2 = rows(2, (0.462, -3.3685), (0.377, -8.249), (0.482, -3.1085), (0.437, -5.581))


def test_the_worked_example_keeps_the_best_three_of_each_generation():
    context = Context(2, 3)
    assert shown([G0, G1], context) == [[-18.605, -18.385, -15.4625], [-15.145, -11.9725, -8.08]]
    assert [section[0].step for section in _select([G0, G1, G2], context)] == [1, 2]


def _select(history, context):
    return select(history, context, R, np.random.default_rng(0))


def test_across_takes_the_best_of_all_kept_and_keeps_generations_apart():
    assert [row.fitness for row in fittest(G0 + G1, 3)] == [-8.08, -11.9725, -15.145]
    chosen = shown([G0, G1], Context(2, 3, choose="across"))
    assert chosen == [[-18.385, -15.4625], [-16.085, -15.145, -11.9725, -8.08]]


def test_upto_shows_the_best_so_far_and_each_row_once():
    worse = rows(1, (0.1, -30.0), (0.2, -31.0))
    chosen = shown([G0, worse], Context(2, 2, choose="upto", order="time"))
    assert chosen == [[-18.385, -15.4625]]


def test_generations_are_sorted_by_their_best_or_by_time():
    assert shown([G1, G0], Context(2, 1)) == [[-15.4625], [-8.08]]
    assert shown([G1, G0], Context(2, 1, order="time")) == [[-8.08], [-15.4625]]


def test_descending_is_the_default_backwards():
    upwards = shown([G0, G1, G2], Context(3, 3))
    downwards = shown([G0, G1, G2], Context(3, 3, order="descending"))
    assert downwards == [section[::-1] for section in upwards[::-1]]


def test_a_random_order_shows_the_same_rows_by_generation_and_by_seed_in_another_order():
    wanted = {frozenset(section) for section in shown([G0, G1, G2], Context(3, 3))}
    context = Context(3, 3, order="random")
    seen = [shown([G0, G1, G2], context, seed) for seed in range(20)]
    assert all({frozenset(section) for section in sections} == wanted for sections in seen)
    assert len({str(sections) for sections in seen}) > 15
    assert len({str([sorted(section) for section in sections]) for sections in seen}) == 6
    assert seen[3] == shown([G0, G1, G2], context, 3)


def test_permuted_losses_are_those_of_other_rows_and_ordered_as_if_they_were_true():
    history = [G0, G1, G2]
    true = {row.id: row.fitness for rows in history for row in rows}
    moved = 0
    for seed in range(20):
        context = Context(3, 4, permuted=True)
        sections = select(history, context, R, np.random.default_rng(seed))
        flat = [row for section in sections for row in section]
        assert sorted(row.fitness for row in flat) == sorted(true.values())
        assert [row.id // 100 for row in flat] == sorted(
            (row.id // 100 for row in flat), key=[s[0].step for s in sections].index
        )
        for section in sections:
            assert [row.fitness for row in section] == sorted(row.fitness for row in section)
        moved += sum(row.fitness != true[row.id] for row in flat)
    assert 0.8 < moved / (20 * 12) < 1.0
    assert [row.fitness for row in G0] == [-15.4625, -24.58, -18.385, -18.605]


def test_a_header_that_the_order_makes_untrue_is_refused():
    for order in ("descending", "random"):
        check_order(RowFormat(), Context(order=order))
        with pytest.raises(EvollmError, match=f"wrong for the order '{order}'"):
            check_order(RowFormat(header=True), Context(order=order))
    check_order(RowFormat(header=True), Context(order="time"))


def test_the_best_generations_or_the_last_are_kept():
    history = [G2, G0, G1]
    assert shown(history, Context(2, 1, keep="best")) == [[-8.08], [-3.1085]]
    assert shown(history, Context(2, 1)) == [[-15.4625], [-8.08]]


def test_of_equal_integers_the_fittest_row_stays():
    history = [rows(0, (0.5, -1.0), (0.2, -4.0)), rows(1, (0.5001, -2.0), (0.7, -3.0))]
    assert shown(history, Context(2, 5, order="time")) == [[-4.0, -1.0], [-3.0]]


def test_rows_without_a_finite_fitness_are_never_shown():
    bad = rows(1, (0.1, float("-inf")), (0.2, float("nan")), (0.3, -9.0))
    assert shown([G0, bad, rows(2, (0.4, float("-inf")))], Context(1, 5)) == [[-9.0]]


histories = st.lists(
    st.lists(st.tuples(st.floats(0, 1), st.floats(-100, 0)), min_size=1, max_size=6),
    min_size=1,
    max_size=6,
)
contexts = st.builds(
    Context,
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from(["last", "best", "random"]),
    st.sampled_from(["within", "across", "upto", "random"]),
    st.sampled_from(["fitness", "time", "descending", "random"]),
)


@given(histories, contexts, st.integers(0, 9))
def test_every_prompt_is_least_to_most_without_doubles_and_within_its_size(history, context, seed):
    history = [rows(step, *pairs) for step, pairs in enumerate(history)]
    sections = select(history, context, R, np.random.default_rng(seed))
    flat = [row for section in sections for row in section]
    assert 1 <= len(flat) <= context.generations * context.members
    assert len({round(float(row.genome[0]) * R + 1e-9) for row in flat}) >= len(flat) - 1
    assert len({row.id for row in flat}) == len(flat)
    if context.order != "random":
        downwards = context.order == "descending"
        for section in sections:
            losses = [row.fitness for row in section]
            assert losses == sorted(losses, reverse=downwards)
    best = max(row.fitness for row in flat)
    if context.order == "fitness":
        assert sections[-1][-1].fitness == best
    if context.order == "descending":
        assert sections[0][0].fitness == best
    whole = context.keep == "best" or context.generations >= len(history)
    if whole and context.choose != "random":
        best = max(row.fitness for generation in history for row in generation)
        assert max(row.fitness for row in flat) == best


def test_an_empty_context_is_refused():
    with pytest.raises(EvollmError, match="must be 1 or more"):
        Context(0, 3)
