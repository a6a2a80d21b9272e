import pickle

import numpy as np
import pytest

from evollm import Candidate, Individual, Outcome
from evollm.llm.base import Completion
from evollm.llm.scripted import Scripted
from evollm.testing import OperatorKit
from operators.vectors.recombination import Recombination, partition
from operators.vectors.rows import Decimals, RowFormat
from tests.support_each import checks, each

SIGMA = 0.5
FIRST = [(0.8, -1.1), (-0.6, 0.4), (1.5, 0.3), (-0.1, -0.9)]
SECOND = [(1.2, -1.4), (0.1, 0.7), (-0.9, -0.5), (0.6, -0.3)]
THIRD = [(0.5, -1.0), (-1.2, 0.2), (0.9, -0.8), (0.0, 0.0)]


def loss(x):
    return (x[0] - 1) ** 2 + (x[1] + 2) ** 2


def generation(step, mean, noise):
    """The rows of the specification's worked example, as places in the unit cube."""
    rows = []
    for i, z in enumerate(noise):
        x = np.array(mean) + SIGMA * np.array(z)
        candidate = Candidate(4 * step + i, (x + 5) / 10, (), "Gaussian", step)
        rows.append(Individual(candidate, Outcome(-float(loss(x)))))
    return rows


G0 = generation(0, (-2.0, 1.5), FIRST)
G1 = generation(1, (-1.4, 0.9), SECOND)
G2 = generation(2, (-0.63, -0.29), THIRD)
SHOWN = [G0[3], G0[2], G0[0], G1[2], G1[3], G1[0]]
BEST = G1[0]
MEAN = Candidate(99, np.array([0.36, 0.59]), (), "Recombination", 1)


def value(row):
    return f"{-row.fitness:.4g}"


PROMPT = (
    f"{value(G0[3])}:295,605\n{value(G0[2])}:375,665\n15.46:340,595\n\n"
    f"{value(G1[2])}:315,565\n11.97:390,575\n8.08:420,520\n"
)


class Script:
    """Answers a block's attempts in turn, and keeps what it was asked."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.prompts, self.temperatures, self.sampling = [], [], []

    def __call__(self, prompt, sample, sampling):
        self.prompts.append(prompt)
        self.temperatures.append(sampling.temperature)
        self.sampling.append(sampling)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def ask(script, parents=(MEAN, BEST, *SHOWN), seed=5, **settings):
    return Recombination(Scripted(script), **settings).vary(parents, 1, seed)


def x_of(offspring):
    return offspring.genomes[0] * 10 - 5


def test_the_prompt_is_that_of_the_worked_example():
    script = Script("437,471")
    ask(script)
    body, query = script.prompts[0].rsplit("\n", 1)
    assert body + "\n" == PROMPT
    assert query.endswith(":")
    assert float(query[:-1]) == pytest.approx(7.0275, abs=0.011)
    assert script.sampling[0].stop == ("\n",)


def test_the_worked_example_has_the_figures_of_the_specification():
    losses = [-row.fitness for row in G0 + G1 + G2]
    wanted = [15.4625, 24.58, 18.385, 18.605, 8.08, 16.085, 15.145, 11.9725]
    assert losses == pytest.approx([*wanted, 3.3685, 8.249, 3.1085, 5.581])


@each("reply", ["437,471", " 437 , 471.", "437,471\nrubbish"])
def test_a_strict_reply_becomes_the_mean(reply):
    offspring = ask(Script(reply))
    assert x_of(offspring) == pytest.approx([-0.63, -0.29])
    assert loss(x_of(offspring)) == pytest.approx(5.5810)
    note = offspring.notes[0]
    assert (note["strict"], note["attempts"], note["failed"]) == (1, 1, 0)
    assert not offspring.rejected


def test_a_reply_out_of_range_is_clipped_and_counted():
    offspring = ask(Script("1040,-3"))
    assert x_of(offspring) == pytest.approx([5.0, -5.0])
    assert loss(x_of(offspring)) == pytest.approx(25.0)
    assert offspring.notes[0]["clips"] == 2


@each("reply", ["437", "437,471,300", "4.37,471", ""])
def test_after_all_attempts_the_stand_in_is_the_mean(reply):
    script = Script(reply)
    offspring = ask(script)
    assert x_of(offspring) == pytest.approx([-0.80, 0.20])
    assert np.array_equal(offspring.genomes[0], BEST.genome)
    assert script.temperatures == [0.0, 0.7, 1.0]
    assert len({sampling.seed for sampling in script.sampling}) == 3
    assert offspring.rejected == {"unreadable answer": 3}
    assert offspring.notes[0]["fallbacks"] == 1
    assert offspring.parents == [[1]]


def test_a_retry_that_can_be_read_counts():
    offspring = ask(Script("x", "437,471"))
    assert x_of(offspring) == pytest.approx([-0.63, -0.29])
    note = offspring.notes[0]
    assert (note["attempts"], note["failed"], note["fallbacks"]) == (2, 1, 0)


def test_a_truncated_answer_fails_though_it_can_be_read():
    offspring = ask(Script(Completion("437,47", error="truncated at 12 tokens")))
    assert np.array_equal(offspring.genomes[0], BEST.genome)
    assert offspring.rejected == {"unusable completion": 3}


def test_blocks_are_asked_side_by_side_and_fall_back_alone():
    prompts = []

    def script(prompt, sample, sampling):
        prompts.append(prompt)
        return "437" if "8.08:420\n" in prompt else "x"

    offspring = ask(script, block=1)
    assert x_of(offspring) == pytest.approx([-0.63, 0.20])
    assert "8.08:420" in prompts[0]
    assert "8.08:520" in prompts[1]
    assert len(prompts) == 2 + 2
    note = offspring.notes[0]
    assert (note["blocks"], note["fallbacks"], note["failed"]) == (2, 1, 3)


def test_the_stand_in_is_whoever_comes_second():
    offspring = ask(Script("x"), (MEAN, MEAN, *SHOWN))
    assert np.array_equal(offspring.genomes[0], MEAN.genome)


def test_copies_of_the_row_above_are_counted():
    assert ask(Script("420,520")).notes[0]["copies"] == 1
    assert ask(Script("420,521")).notes[0]["copies"] == 0


def test_the_rate_moves_the_old_mean_part_of_the_way():
    offspring = ask(Script("437,471"), rate=0.5)
    assert offspring.genomes[0] == pytest.approx((MEAN.genome + np.array([0.437, 0.471])) / 2)
    assert 0 in offspring.parents[0]


def test_chat_with_a_header_is_one_message():
    script = Script("The answer is: 437, 471")
    offspring = ask(script, form=RowFormat(header=True), mode="chat")
    assert offspring.notes[0]["strict"] == 1
    [message] = script.prompts[0]
    assert message["role"] == "user"
    assert message["content"].split("\n\n", 1)[1].startswith(PROMPT)


def test_sections_can_be_set_apart_from_birth_steps():
    script = Script("437,471")
    ask(script, sections=(2, 4))
    assert [len(part.split("\n")) for part in script.prompts[0].split("\n\n")] == [2, 5]


def test_decimals_stand_where_integers_do():
    script = Script("-0.63,-0.29")
    offspring = ask(script, form=Decimals(low=-5.0, high=5.0))
    assert x_of(offspring) == pytest.approx([-0.63, -0.29])
    assert "\n8.08:-0.800,0.200\n" in script.prompts[0]
    assert script.sampling[0].max_tokens >= len("-0.630,-0.290")


def test_a_grammar_matches_each_blocks_size():
    rows = [
        Individual(Candidate(i, np.full(5, i / 10), (), "t", 0), Outcome(float(i)))
        for i in range(3)
    ]
    script = Script("1,2")
    ask(script, (rows[0], rows[0], *rows), block=2, constrain=True, temperatures=(0.0,))
    sizes = [sampling.grammar.split("\n")[0].count("number") for sampling in script.sampling]
    assert sorted(sizes) == [1, 2, 2]


def test_shuffled_blocks_cover_every_coordinate_once():
    blocks = partition(11, 4, seed=3)
    assert sorted(np.concatenate(blocks).tolist()) == list(range(11))
    assert [len(block) for block in blocks] == [4, 4, 3]
    assert [b.tolist() for b in blocks] != [b.tolist() for b in partition(11, 4, None)]


def test_the_same_seed_and_answers_give_the_same_offspring():
    one, two = (ask(Script("437,471"), block=1, shuffle=True) for _ in range(2))
    assert pickle.dumps(one) == pickle.dumps(two)


def case(given):
    reply = given
    operator = Recombination(Scripted(lambda *_: reply), block=1, shuffle=True, rate=0.5)
    return operator, [np.array([0.1 * i, 0.9 - 0.1 * i]) for i in range(5)]


@each("given", ["437", "no"])
@each("check", checks(OperatorKit))
def test_conformance(check, given, tmp_path):
    check(case(given), tmp_path)
