"""PromptQuine for users: from a prompt and examples to the chosen pruned prompt."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget, EvollmError
from evollm.store import rows
from evollm.testing import SystemKit
from problems.prompts.data.example import Example
from problems.prompts.data.splits import Splits
from problems.prompts.data.task import Task
from problems.prompts.evidence import scored, scores
from problems.prompts.fitness import SELECTION, TEST
from problems.prompts.methods.evolution import Evolution
from problems.prompts.methods.front import Front
from problems.prompts.methods.greedy import TAPruning
from problems.prompts.readers.judging import Judged, Labelled
from problems.prompts.readers.reader import Reader, Text
from problems.prompts.system import PromptQuine
from tests.problems.prompts.support_killed import searched
from tests.problems.prompts.support_words import BLOCK, DEMONSTRATION, Moody, examples, system, task
from tests.support_each import checks, each

SMALL = Evolution(population=4, offspring=6, min_length=3)
BUDGET = Budget(evaluations=30)


@each(
    "case",
    [
        (lambda: system(SMALL), 18),
        (lambda: system(TAPruning(), mode="ids"), 18),
        (lambda: system(Front(population=6)), 18),
    ],
    ids=["generational", "taprunning", "front"],
)
@each("check", checks(SystemKit))
def test_conformance(check: Any, case: Any, tmp_path: Path) -> None:
    check(case, tmp_path)


def test_the_best_are_compared_and_the_chosen_is_tested_beside_the_unpruned() -> None:
    chosen = system(SMALL)
    result = chosen.run(BUDGET)
    finals = [(one.id, one.fidelity) for one in result.finals]
    selected = [number for number, rung in finals if rung == SELECTION]
    assert finals == [
        *[(one, SELECTION) for one in selected],
        (chosen.choose(result).id, TEST),
        (0, TEST),
    ]
    assert len(selected) == 11
    ranked = sorted(
        rows.evaluations(result.record),
        key=lambda one: (-one.fitness, one.metrics["length"], one.candidate),
    )
    assert selected == [*[one.candidate for one in ranked[:10]], 0]


def test_the_choice_is_by_selection_then_search_then_length_then_birth() -> None:
    chosen = system(SMALL)
    result = chosen.run(BUDGET)
    known = {one.candidate: one for one in rows.evaluations(result.record)}
    pool = [one for one in result.finals if one.fidelity == SELECTION and one.id != 0]
    ranked = sorted(
        pool,
        key=lambda one: (
            -one.metrics["accuracy"],
            -known[one.id].fitness,
            known[one.id].metrics["length"],
            one.id,
        ),
    )
    assert len({one.metrics["accuracy"] for one in ranked[:3]}) == 1  # tied on the selection set
    assert chosen.choose(result).id == ranked[0].id
    assert result.record.get("chosen") == ranked[0].id


def test_greedy_pruning_makes_its_own_choice() -> None:
    chosen = system(TAPruning())
    result = chosen.run(BUDGET)
    assert chosen.choose(result).id == result.best.id  # type: ignore[union-attr]
    expected = [(result.best.id, SELECTION), (0, SELECTION), (result.best.id, TEST), (0, TEST)]  # type: ignore[union-attr]
    assert [(one.id, one.fidelity) for one in result.finals] == expected


def test_without_sets_to_select_and_test_with_the_search_chooses() -> None:
    bare = task().with_splits(Splits((), examples(8)))
    pruned = system(SMALL, task=bare).search(budget=BUDGET)
    assert pruned.result.finals == []
    assert pruned.candidate == pruned.result.best.id  # type: ignore[union-attr]
    assert set(pruned.scores) == set(pruned.unpruned) == {"search"}


def test_a_search_from_pairs_prunes_what_distracts() -> None:
    pairs = [(one.fields["sentence_1"], ("awful", "great")[one.label or 0]) for one in examples(64)]
    mine = Task("mine", "classification", ("awful", "great"), BLOCK)
    pruned = PromptQuine(Moody(), DEMONSTRATION + BLOCK, mine, method=SMALL).search(pairs, BUDGET)
    assert pruned.scores["test"]["accuracy"].mean == 1 > pruned.unpruned["test"]["accuracy"].mean
    assert pruned.text.count("food") == 0
    assert {name: one["reward"].examples for name, one in pruned.scores.items()} == {
        "search": 16,
        "select": 16,
        "test": 24,
    }
    assert len(pruned.prompt.ids) == len(pruned.prompt.token_slots) == pruned.mask.sum() + 1


def test_a_drawn_prompt_demonstrates_with_examples_of_the_users() -> None:
    mine = Task("mine", "classification", ("awful", "great"), BLOCK)
    drawn = PromptQuine(Moody(), None, mine, method=SMALL, shots=2).search(examples(64), BUDGET)
    assert drawn.prompt.unpruned.count("Mood: great") == 2
    assert drawn.prompt.unpruned.count("Mood: awful") == 2


@each(
    "given, said",
    [
        ([], "the examples for the task mood are empty: give at least one"),
        ([("a", "great"), ("b", "great")], "have the label 'great'"),
        ([("a", "great"), ("b", "good")], "unknown label 'good'"),
        (["a text"], "is a text and its label, not 'a text'"),
        ([("a", "great"), ("b", "awful")], "a class has 1 examples"),
    ],
)
def test_examples_that_are_not_enough_are_refused_in_a_sentence(given: Any, said: str) -> None:
    with pytest.raises(EvollmError, match=said) as caught:
        system(SMALL).search(given)
    assert "\n" not in str(caught.value)


def test_a_run_goes_on_after_a_budget_and_finals_are_not_repeated(tmp_path: Path) -> None:
    whole = system(SMALL).search(budget=BUDGET, seed=2, path=tmp_path / "whole")
    for evaluations in (3, 17, 30):
        parts = system(SMALL).search(
            budget=Budget(evaluations=evaluations), seed=2, path=tmp_path / "parts"
        )
    assert (parts.prompt, parts.scores) == (whole.prompt, whole.scores)
    assert [one.text for one in parts.prunings] == [one.text for one in whole.prunings]


@pytest.mark.parametrize("victim", ["search", "select", "test"])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(victim: str, tmp_path: Path) -> None:
    folders = [tmp_path / name / "run" for name in ("whole", "killed")]
    for folder in folders:
        folder.parent.mkdir()
    command = [sys.executable, "-m", "tests.problems.prompts.support_killed"]
    dead = subprocess.run([*command, str(folders[1]), victim], timeout=100, check=False)
    assert dead.returncode == -signal.SIGKILL
    (chosen, whole), (_, resumed) = map(searched, folders)
    assert _history(resumed) == _history(whole)
    assert chosen.choose(resumed).id == chosen.choose(whole).id
    reads = [folder.with_name("reads").read_text().split() for folder in folders]
    assert len(reads[1]) - len(reads[0]) == 1  # the prompt that it died of
    assert reads[1].count(victim) - reads[0].count(victim) == 1


def _history(result: Any) -> Any:
    found = [(one.candidate, one.text, one.fitness) for one in rows.evaluations(result.record)]
    return found, [(one.id, one.fidelity, one.fitness) for one in result.finals]


def test_settings_are_recorded_and_words_are_the_users() -> None:
    found = json.loads(json.dumps(system(SMALL, mode="ids", objective="accuracy").config(5)))
    assert (found["seed"], found["task"], found["model"]) == (5, "mood", "moody")
    assert (found["mode"], found["objective"], found["method"][0]) == (
        "ids",
        "accuracy",
        "Evolution",
    )
    assert found["prompt"] == DEMONSTRATION + BLOCK
    assert set(found["examples"]) == {"demonstrations", "search", "select", "test"}
    units = system(SMALL, objective="accuracy").units
    assert units["fitness"] == units["accuracy"] != units["reward"]
    assert system(SMALL).units["fitness"].text(12.34567) == "12.35"
    said = system(SMALL).opening
    assert said == (
        "task mood: examples 8 to search, 8 to select, 20 to test; the prompt has 18 tokens, of "
        "which 17 can be pruned"
    )


class Choosy(Labelled):
    """Fails on the whole prompt."""

    def __call__(
        self, reader: Reader, task: Task, texts: Sequence[Text], examples: Sequence[Example]
    ) -> Judged:
        """Refuse, or score."""
        if DEMONSTRATION in str(texts[0]):
            raise ValueError("too long")
        return super().__call__(reader, task, texts, examples)


def test_an_unpruned_prompt_that_fails_is_not_mistaken_for_another() -> None:
    chosen = system(Front(population=6), judge=Choosy("Mood:"))
    pruned = chosen.search(budget=BUDGET)
    assert chosen.unpruned(pruned.result) is None
    assert pruned.unpruned == {}
    assert pruned.scores["test"]["accuracy"].examples == 20
    assert {one.id for one in pruned.result.finals if one.fidelity == TEST} == {pruned.candidate}


def test_a_prompt_that_took_over_its_score_has_scores() -> None:
    prompt = f"|{DEMONSTRATION}{BLOCK}"
    pruned = system(TAPruning(), prompt=prompt).search(budget=BUDGET)
    first, second, *_ = pruned.prunings
    assert rows.reuses(pruned.result.record)[second.candidate] == first.candidate == 0
    assert second.fitness == first.fitness
    found = scores(pruned.result, second.candidate, scored(pruned.result))
    assert found["search"] == pruned.unpruned["search"]


def test_a_random_pruning_comes_from_the_unpruned_prompt_at_once() -> None:
    pruned = system(SMALL).controls()["random pruning"].search(budget=BUDGET)
    first, last = pruned.prunings
    assert (first.candidate, first.dropped) == (0, ())
    assert last.candidate == pruned.candidate
    assert len(last.dropped) == (~np.asarray(pruned.mask)).sum()
