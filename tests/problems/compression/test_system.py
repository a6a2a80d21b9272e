"""EvoPress for users: from a model and a budget to the levels of its layers."""

import json
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget, EvollmError, Processes
from evollm.executors import Ray
from evollm.store import rows
from evollm.testing import ProblemKit, SystemKit
from problems.compression import EvoPress
from problems.compression.compressed import genome_of
from problems.compression.fitness import HELD_OUT
from problems.compression.kinds import Depth, Quantization
from problems.compression.levels.settings import LevelSettings
from problems.compression.loaded import loaded, model_of
from problems.compression.schedules import Schedule
from tests.problems.compression.support_killed import searched
from tests.problems.compression.support_search import KINDS, SMALL, Made
from tests.support_each import checks, each

GOLDEN = {
    "depth": ("am am -- --", 30720),
    "whole": ("b b - -", 30720),
    "sparsity": (
        "60,60,35,47,60,60,60 72,60,60,60,60,60,60 60,85,60,60,60,60,60 60,60,60,60,60,60,60",
        28416,
    ),
    "quantization": ("4433334 3233332 3433433 3232233", 16080),
    "fraction": ("2333323 2232323 2232332 3432222", 13972),
    "joint": ("a5555m445 a4443m544 a5544m444 ---------", 16004),
}


@each("kind", ["depth", "quantization", "joint"])
@each("check", checks(SystemKit))
def test_conformance(check: Any, kind: str, tiny: Made, tmp_path: Path) -> None:
    check((lambda: tiny.system(kind), 16), tmp_path)


@each("fidelity", [40, HELD_OUT, None])
@each("check", checks(ProblemKit))
def test_the_problem_conforms(check: Any, fidelity: int | None, tiny: Made, tmp_path: Path) -> None:
    problem = tiny.system("sparsity").problem
    start = problem.space.uniform
    other = start + np.eye(len(start), dtype=np.int64)[0] - np.eye(len(start), dtype=np.int64)[7]
    check((problem, [start, other, start], fidelity), tmp_path)


@each("kind", ["depth", "quantization"])
def test_a_model_that_leaves_little_memory_goes_block_by_block(
    kind: str, tiny: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its weights only those of levels are there."""
    monkeypatch.setattr("problems.compression.loaded._tight", lambda model, settings: True)
    model_of.cache_clear()
    loaded.cache_clear()
    try:
        system = tiny.system(kind)
        found = system.search(seed=1)
        linear = system.problem.loaded.blocks.linear(0, "mlp.up_proj")
        assert linear.weight.is_meta == (kind == "quantization")
        assert (system.write(found.chosen), found.bytes) == GOLDEN[kind]
    finally:
        model_of.cache_clear()
        loaded.cache_clear()


@each("kind", list(KINDS))
def test_golden_runs(kind: str, tiny: Made) -> None:
    found = tiny.system(kind).search(seed=1)
    assert (found.system.write(found.chosen), found.bytes) == GOLDEN[kind]


@each("kind", list(KINDS))
def test_the_budget_holds_for_all_that_is_scored(kind: str, tiny: Made) -> None:
    system = tiny.system(kind)
    found = system.search(seed=2)
    scored = [one.metrics["bytes"] for one in rows.evaluations(found.result.record)]
    assert max(scored) <= found.budget
    assert min(scored) > 0.9 * found.budget
    if kind not in ("fraction", "joint"):
        assert set(scored) == {found.budget}


def test_the_survivor_is_the_result_and_is_measured_beside_the_start(tiny: Made) -> None:
    found = tiny.system("depth").search(seed=1)
    assert found.result.best is not None
    assert found.chosen.id == found.result.best.id == found.result.record.get("chosen")
    assert {one.id for one in found.result.finals} == {found.chosen.id, found.start.id}
    starts = [one for one in rows.evaluations(found.result.record) if one.step == 0]
    assert found.start.fitness == max(one.fitness for one in starts)
    assert found.held_out is not None
    assert found.start_held_out is not None
    assert found.gain is not None
    assert found.gain[0] == pytest.approx(found.start_held_out.kl - found.held_out.kl, abs=1e-5)
    assert found.gain[1] > 0


def test_the_parent_joins_the_last_stage_alone(tiny: Made) -> None:
    long = Schedule(3, 4, ((24, 1), (48, 1)), 1, 24, 192, 24)
    found = tiny.system("depth", schedule=long).search(seed=3)
    sizes = [len(jobs) for jobs in _stages(found.result)]
    assert sizes == [1, *[4, 2] * 3]
    assert found.result.usage.cost == 24 + 3 * (4 * 24 + 2 * 48)
    assert long.tokens(found.system.problem.space, 3) == found.result.usage.cost


def _stages(result: Any) -> list[list[Any]]:
    jobs: dict[int, list[Any]] = {}
    for one in rows.evaluations(result.record):
        jobs.setdefault(one.job, []).append(one)
    return list(jobs.values())


def test_children_of_a_generation_are_distinct_and_differ_from_the_parent(tiny: Made) -> None:
    result = tiny.system("whole").run(seed=4)
    for stage in _stages(result):
        assert len({one.text for one in stage}) == len(stage)


@pytest.mark.parametrize("victim", ["search", "measure"])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    victim: str, tiny: Made, tmp_path: Path
) -> None:
    folders = [tmp_path / name / "run" for name in ("whole", "killed")]
    for folder in folders:
        folder.parent.mkdir()
    command = [sys.executable, "-m", "tests.problems.compression.support_killed"]
    call = [*command, str(folders[1]), str(tiny.folder), victim]
    dead = subprocess.run(call, timeout=100, check=False)
    assert dead.returncode == -signal.SIGKILL
    (chosen, whole), (_, resumed) = (searched(folder, tiny) for folder in folders)
    assert _history(resumed) == _history(whole)
    assert chosen.choose(resumed).id == chosen.choose(whole).id
    seen = [folder.with_name("stages").read_text().split() for folder in folders]
    assert len(seen[1]) - len(seen[0]) == 1  # the stage that it died of


def _history(result: Any) -> Any:
    found = [(one.candidate, one.text, one.fitness) for one in rows.evaluations(result.record)]
    return found, [(one.id, one.fidelity, one.fitness) for one in result.finals]


@pytest.fixture(scope="module")
def alone(tiny: Made) -> Any:
    """What a search finds in this process."""
    return tiny.system("quantization").search(seed=5)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Processes(2), id="processes"),
        pytest.param(lambda: Ray(1), id="ray", marks=pytest.mark.ray),
    ],
)
def test_workers_give_the_same_survivors(
    make: Any, tiny: Made, alone: Any, request: pytest.FixtureRequest
) -> None:
    if "ray" in [mark.name for mark in request.node.iter_markers()]:
        request.getfixturevalue("ray_session")
    shared = tiny.system("quantization").search(seed=5, executor=make())
    assert shared.chosen.id == alone.chosen.id
    assert shared.levels == alone.levels
    steps, values = zip(*rows.named(shared.result.record), strict=True)
    assert (list(steps), pytest.approx(list(values), abs=1e-5)) == tuple(
        map(list, zip(*rows.named(alone.result.record), strict=True))
    )


def test_the_whole_model_is_measured_once(tiny: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tiny.system("depth")
    said = system.opening
    monkeypatch.setattr(type(system.problem.loaded), "surprise", None)
    assert system.opening == said
    assert f"perplexity {system.checked():.4g}" in said


def test_the_problem_travels_without_the_model(tiny: Made) -> None:
    problem = tiny.system("depth").problem
    problem.prepare()
    assert len(pickle.dumps(problem)) < 2000


def test_a_level_map_can_be_read_back(tiny: Made, tmp_path: Path) -> None:
    for kind in ("joint", "sparsity"):
        found = tiny.system(kind).search(seed=1)
        held = json.loads(found.save(tmp_path / f"{kind}.json").read_text())
        assert held["bytes"] == found.bytes == sum(one["bytes"] for one in held["units"])
        again = genome_of(found.layout, held["units"])
        gone = found.layout.dropped(found.genome)
        assert (again == found.genome)[~gone].all()
        assert (found.layout.dropped(again) == gone).all()
    with pytest.raises(EvollmError, match="the level map has no level for block 0 self_attn"):
        genome_of(tiny.system("quantization").problem.space.layout, held["units"])


@each("kind", list(KINDS))
def test_the_exported_model_is_the_one_that_was_scored(
    kind: str, tiny: Made, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    found = tiny.system(kind).search(seed=1)
    folder = found.export(tmp_path / kind, "dense").folder
    held = found.system.problem.loaded
    ids = torch.tensor(held.held_out[:2])
    stitched = held.scorer.stitched
    stitched.install(found.genome)
    inside = held.lm.model(ids).logits
    stitched.restore()
    again = AutoModelForCausalLM.from_pretrained(folder)
    assert torch.allclose(again(ids).logits, inside, atol=1e-5)


def test_a_model_that_predicts_by_chance_is_refused(tiny: Made) -> None:
    with pytest.raises(EvollmError, match=r"hardly better than chance among 320 tokens"):
        tiny.system("depth", check=True).search()


def test_perplexity_can_be_minimised(tiny: Made) -> None:
    found = tiny.system("depth", metric="perplexity").search(seed=1)
    assert found.held_out is not None
    final = next(one for one in found.result.finals if one.id == found.chosen.id)
    assert np.exp(-final.fitness) == pytest.approx(found.held_out.perplexity)
    assert found.system.units["fitness"].name == "log-perplexity"


@each(
    ("make", "said"),
    [
        (lambda one: EvoPress(kind="width"), "kind must be depth, sparsity, .*, not 'width'"),
        (
            lambda one: one.system(schedule=replace(SMALL, offspring=40)).run(),
            "offspring must be at most 34, the number of different children, not 40",
        ),
        (
            lambda one: EvoPress(one.model, Depth(0.1), text=one.text, schedule=SMALL).run(),
            "drop must be at least 0.25 and less than 1 for 4 blocks, not 0.1",
        ),
        (
            lambda one: EvoPress(one.model, Quantization(3, group=5), text=one.text).run(),
            "group must divide the 32 inputs of self_attn.q_proj of block 0",
        ),
        (
            lambda one: one.system(schedule=replace(SMALL, pool=9999)).run(),
            "hold .* windows of 24 tokens, and 417 are needed",
        ),
        (
            lambda one: one.system("sparsity", levels=LevelSettings("gptq")).run(),
            "choose another method",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_spent(
    make: Any, said: str, tiny: Made
) -> None:
    with pytest.raises(EvollmError, match=said) as caught:
        make(tiny)
    assert "\n" not in str(caught.value)


def test_a_budget_of_tokens_ends_a_search(tiny: Made) -> None:
    result = tiny.system("depth").run(Budget(cost=500))
    assert 500 <= result.usage.cost < 500 + 4 * 48
