import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evollm import Candidate, EvollmError, Individual, Outcome
from problems.blackbox.context import Context, fittest, select

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
    assert [section[0].candidate.step for section in _select([G0, G1, G2], context)] == [1, 2]


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
    st.sampled_from(["fitness", "time"]),
)


@given(histories, contexts, st.integers(0, 9))
def test_every_prompt_is_least_to_most_without_doubles_and_within_its_size(history, context, seed):
    history = [rows(step, *pairs) for step, pairs in enumerate(history)]
    sections = select(history, context, R, np.random.default_rng(seed))
    flat = [row for section in sections for row in section]
    assert 1 <= len(flat) <= context.generations * context.members
    assert len({round(float(row.genome[0]) * R + 1e-9) for row in flat}) >= len(flat) - 1
    assert len({row.id for row in flat}) == len(flat)
    for section in sections:
        assert [row.fitness for row in section] == sorted(row.fitness for row in section)
    if context.order == "fitness":
        assert sections[-1][-1].fitness == max(row.fitness for row in flat)
    whole = context.keep == "best" or context.generations >= len(history)
    if whole and context.choose != "random":
        best = max(row.fitness for generation in history for row in generation)
        assert max(row.fitness for row in flat) == best


def test_an_empty_context_is_refused():
    with pytest.raises(EvollmError, match="at least one"):
        Context(0, 3)
