import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evollm import Candidate, Individual, Outcome
from evollm.llm.base import Completion
from evollm.llm.scripted import Scripted
from evollm.testing import OperatorKit
from operators.vectors.framed import Frame, FramedSamples, overlapping
from tests.support_each import checks, each

cubes = st.integers(1, 4).flatmap(
    lambda d: st.integers(1, 10).flatmap(lambda m: arrays(float, (m, d), elements=st.floats(0, 1)))
)


def individuals(rows):
    return [
        Individual(Candidate(i, np.array(row, dtype=float), (), "test", 0), Outcome(float(i)))
        for i, row in enumerate(rows)
    ]


ROWS = individuals([[0.2, 0.6], [0.4, 0.2], [0.3, 0.4]])


@given(cubes)
def test_rows_fill_the_middle_half_and_come_back_within_half_a_cell(rows):
    frame = Frame.around(rows)
    cells = frame.encode(rows)
    assert ((cells >= 25) & (cells <= 75)).all()
    everything = np.arange(rows.shape[1])
    error = np.abs(frame.decode(cells, everything) - rows)
    assert (error <= frame.width / 200 * (1 + 1e-6) + 1e-15).all()
    assert (frame.width > 0).all()


@given(cubes, st.floats(0.01, 100), st.floats(-5, 5))
def test_scale_and_place_of_the_cloud_leave_the_text_alone(rows, scale, shift):
    rows = np.round(rows, 2) + np.arange(rows.shape[0])[:, None]
    block = np.arange(rows.shape[1])
    text = Frame.around(rows).write(rows, block)
    moved = rows * scale + shift
    other = Frame.around(moved).write(moved, block)
    for one, two in zip(text.split(), other.split(), strict=True):
        pairs = zip(one.split(","), two.split(","), strict=True)
        assert all(abs(int(a) - int(b)) <= 1 for a, b in pairs)


def test_the_prompt_is_rows_of_two_digits_least_fit_first():
    asked = []
    model = Scripted(lambda prompt, i, sampling: asked.append((prompt, sampling)) or "50,50")
    FramedSamples(model).vary(ROWS, 1, 0)
    [(prompt, sampling)] = asked
    assert prompt == "25,75\n75,25\n50,50\n"
    assert sampling.temperature == 1.0
    assert '"[0-9]' not in sampling.grammar
    assert sampling.grammar.startswith('root ::= number "," number\n')


def test_samples_are_decoded_in_the_frame_that_the_rows_set():
    answers = ["00,99", "50,50", "75,25"]
    model = Scripted(lambda prompt, i, sampling: answers[i])
    children = FramedSamples(model, jitter=0.0).vary(ROWS, 3, 0).genomes
    assert np.array(children) == pytest.approx(
        np.array([[0.102, 0.796], [0.302, 0.404], [0.402, 0.204]])
    )


def test_equal_samples_make_different_children_close_to_each_other():
    children = np.array(FramedSamples(Scripted(lambda *_: "50,50")).vary(ROWS, 200, 0).genomes)
    assert len(np.unique(children, axis=0)) == 200
    spread = np.array([row.genome for row in ROWS]).std(axis=0)
    assert children.std(axis=0) == pytest.approx(0.05 * spread, rel=0.2)


def test_steps_from_a_mean_of_answers_are_as_wide_as_the_best_rows_spread():
    answers = ["25,25", "75,25", "25,75", "75,75", "nonsense", "50,50"]
    model = Scripted(lambda prompt, i, sampling: answers[i])
    found = FramedSamples(model, constrain=False, mean_of=6).vary(ROWS, 500, 0)
    children = np.array(found.genomes)
    assert len(children) == 500
    assert (found.asked, found.supplied) == (500, 500)
    assert all(len(keys) == 5 for keys in found.calls)
    np.testing.assert_allclose(children.mean(axis=0), [0.302, 0.402], atol=0.02)
    spread = np.array([row.genome for row in ROWS]).std(axis=0)
    np.testing.assert_allclose(children.std(axis=0), 0.6 * spread, rtol=0.1)
    nothing = FramedSamples(Scripted(lambda *_: "nonsense"), constrain=False, mean_of=2)
    assert nothing.vary(ROWS, 3, 0).genomes == []


def test_what_lies_beyond_the_cube_is_moved_onto_its_face():
    rows = individuals([[0.0, 0.9], [0.1, 1.0]])
    children = FramedSamples(Scripted(lambda *_: "00,99"), jitter=0.0).vary(rows, 2, 0).genomes
    assert np.array_equal(children, [[0.0, 1.0], [0.0, 1.0]])


def test_rows_that_are_all_equal_make_a_frame_of_the_grain():
    rows = individuals([[0.5, 0.5]] * 3)
    operator = FramedSamples(Scripted(lambda *_: "00,99"), grain=(0.1, 0.0), jitter=0.0)
    [child] = operator.vary(rows, 1, 0).genomes
    assert child[0] == pytest.approx(0.5 - 0.099)
    assert 0.5 < child[1] < 0.501


def test_jitter_changes_some_integers_even_where_all_rows_agree():
    rows = individuals([[0.5, 0.5]] * 3)
    operator = FramedSamples(Scripted(lambda *_: "50,50"), grain=(0.2, 0.0))
    children = np.array(operator.vary(rows, 1000, 0).genomes)
    changed = np.mean(np.abs(children[:, 0] - 0.5) > 0.1)
    assert 0.05 < changed < 0.15
    assert np.abs(children[:, 1] - 0.5).max() < 0.01


def test_usable_samples_of_the_blocks_are_joined_and_the_rest_is_counted():
    def answer(prompt, i, sampling):
        if prompt == "25,75\n75,25\n":
            return ["10,20", "no", "30,40"][i]
        return ["1", Completion("50,60", error="truncated at 9"), "70,80"][i]

    rows = individuals([[0.2, 0.6, 0.4, 0.9], [0.4, 0.2, 0.0, 0.8]])
    operator = FramedSamples(Scripted(answer), constrain=False, jitter=0.0)
    offspring = operator.vary(rows, 3, 0)
    assert len(offspring.genomes) == 1
    assert offspring.rejected == {"unreadable answer": 2, "unusable completion": 1}
    frame = Frame.around(np.array([row.genome for row in rows]))
    wanted = frame.decode(np.array([10, 20, 70, 80]), np.arange(4))
    assert offspring.genomes[0] == pytest.approx(np.clip(wanted, 0, 1))


def test_a_fixed_frame_is_the_whole_cube():
    asked = []
    model = Scripted(lambda prompt, i, sampling: asked.append(prompt) or "500,125")
    operator = FramedSamples(model, fixed=True, digits=3, jitter=0.0)
    [child] = operator.vary(ROWS, 1, 0).genomes
    assert asked == ["200,600\n400,200\n300,400\n"]
    assert child == pytest.approx([0.5005, 0.1255])


def test_chat_says_what_the_rows_are():
    asked = []
    model = Scripted(lambda prompt, i, sampling: asked.append(prompt) or "50,50")
    FramedSamples(model, mode="chat", constrain=False).vary(ROWS, 1, 0)
    assert "2 numbers of 2 digits" in asked[0][0]["content"]
    assert asked[0][0]["content"].endswith("50,50\n")


@given(st.integers(1, 20), st.integers(1, 20), st.one_of(st.none(), st.integers(0, 99)))
def test_blocks_have_one_size_and_leave_no_coordinate_out(dimension, size, seed):
    blocks = overlapping(dimension, size, seed)
    assert {len(block) for block in blocks} == {min(size, dimension)}
    assert set(np.concatenate(blocks).tolist()) == set(range(dimension))


def case(given):
    def answer(prompt, sample, sampling):
        return f"{sample}7,50" if sample % 3 else "no"

    operator = FramedSamples(Scripted(answer), constrain=False, shuffle=given)
    return operator, [np.array([0.1 * i, 0.9 - 0.1 * i, 0.5]) for i in range(5)]


@each("given", [True, False], ids=["shuffled", "in order"])
@each("check", checks(OperatorKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)
