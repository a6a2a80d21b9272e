"""Comparisons of real runs, group by group."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evollm import Budget, EvollmError
from evollm.algorithms import Mating, generational
from evollm.llm.scripted import Scripted
from evollm.report.comparison.page import compared
from evollm.report.comparison.tracks import Track, track
from evollm.report.page import Report, Table
from evollm.runtime.loop import run
from evollm.store.glance import directories
from operators.vectors.variation import Gaussian
from problems.blackbox import EvoLLM
from problems.blackbox.framed import Framed
from tests.evollm.support_parts import Blend, Start


@pytest.fixture(scope="module")
def tracks(recorded: Path) -> list[Track]:
    return [track(path) for path in directories(recorded)]


def table(report: Report, title: str) -> Table:
    return next(part for part in report.sections if part.title.startswith(title)).tables[0]


def facts(report: Report) -> dict[str, str]:
    return dict(report.sections[0].facts)


def test_groups_are_compared_at_equal_evaluations(tracks: list[Track]) -> None:
    report = compared(tracks)
    assert facts(report)["value"] == "value; smaller is better"
    assert facts(report)["runs"] == "14 in 2 groups"
    rows = table(report, "Best at 30").rows
    assert [row[:2] for row in rows] == [["method=hill", 7], ["method=random", 7]]
    ends = sorted(-one.best[29] for one in tracks[:7])
    assert rows[0][2:5] == pytest.approx([ends[3], ends[1], ends[5]])
    progress = table(report, "Median")
    assert progress.columns == ["evaluations", "method=hill", "method=random"]
    assert [row[0] for row in progress.rows] == list(range(3, 31, 3))
    assert progress.rows[4][1] == pytest.approx(np.median([-one.best[14] for one in tracks[:7]]))
    [curve] = report.sections[2].curves
    assert {name: len(runs) for name, runs in curve.singles.items()} == dict.fromkeys(
        ("method=hill", "method=random"), 7
    )
    assert curve.lines["method=hill"][-1] == (30, pytest.approx(rows[0][2]))
    [difference] = table(report, "Differences").rows
    assert difference[2:] == [
        "Wilcoxon", "7 pairs", 2 / 2**7, "significant: method=hill is better"
    ]  # fmt: skip


def test_runs_without_a_feasible_evaluation_are_named(tracks: list[Track]) -> None:
    assert "without a value" not in facts(compared(tracks))
    never = replace(tracks[0], best=np.full(len(tracks[0].best), -np.inf))
    told = facts(compared([never, *tracks[1:]]))["without a value"]
    assert told == f"{never.name}: no evaluation succeeded and was feasible by then"


def test_too_few_runs_show_no_difference_and_a_shorter_run_sets_the_place(
    tracks: list[Track],
) -> None:
    short = replace(tracks[0], best=tracks[0].best[:20], spent=tracks[0].spent[:20], seed=9)
    report = compared([short, *tracks[1:3], *tracks[7:10]])
    assert "20 evaluations, the most that every run has" in facts(report)["compared at"]
    assert short.name in facts(report)["compared at"]
    verdict = table(report, "Differences").rows[0][-1]
    assert verdict == "too few runs to show a difference: p can't be below 0.1"
    asked = compared([short, *tracks[1:3], *tracks[7:10]], 25)
    assert facts(asked)["left out"] == f"{short.name}, which has 20 evaluations"
    with pytest.raises(EvollmError, match="no run has 31 evaluations"):
        compared(tracks, 31)


def test_a_run_that_repeats_another_one_counts_once(tracks: list[Track]) -> None:
    report = compared([*tracks[:3], replace(tracks[1], name="a copy")])
    assert facts(report)["runs"] == "3 in 1 group"
    assert facts(report)["left out"].startswith("a copy, which has the seed and the values of ")
    assert "All runs have the same configuration" in report.text()


def test_labels_name_what_differs_and_a_table_the_rest(tracks: list[Track]) -> None:
    one, *_ = tracks
    other = replace(one, setting={**one.setting, "Control.method": "cma", "size": "3"})
    third = replace(one, setting={**one.setting, "Control.method": "cma", "size": "4"})
    report = compared([one, other, third])
    labels = [row[0] for row in table(report, "Best").rows]
    assert labels == ["method=hill", "method=cma, size=3", "method=cma, size=4"]
    also = replace(one, setting={**one.setting, "Control.method": "cma", "strategy": "Other"})
    settings = table(compared([one, also]), "Settings that differ")
    assert ["strategy", "Control", "Other"] in settings.rows
    assert ["method", "hill", "cma"] in settings.rows


def test_different_problems_and_units_are_refused(tracks: list[Track], tmp_path: Path) -> None:
    def other(x: np.ndarray) -> float:
        return float(x.sum())

    EvoLLM(other, [(-5, 5)] * 2, strategy=Framed(warmup=5), model=Scripted(lambda *_: "40,60")).run(
        Budget(evaluations=5), path=tmp_path / "other"
    )
    with pytest.raises(EvollmError, match=r"different problems \(bowl and other\)"):
        compared([tracks[0], track(tmp_path / "other")])
    odd = replace(tracks[0], units=replace(tracks[0].units, maximize=True))
    with pytest.raises(
        EvollmError, match=r"different units .*value, smaller is better and value, l"
    ):
        compared([tracks[0], odd])


def test_what_a_model_cost_is_counted_up_to_each_evaluation(tmp_path: Path) -> None:
    model = Scripted(lambda prompt, sample, options: "40,60")
    system = EvoLLM(lambda x: float((x**2).sum()), [(-5, 5)] * 2, model=model)
    result = system.run(Budget(evaluations=30), seed=1, path=tmp_path / "asked")
    spent = track(tmp_path / "asked").spent
    assert [one.tokens for one in spent] == sorted(one.tokens for one in spent)
    assert (spent[0].tokens, spent[-1].tokens) == (0, result.usage.tokens)
    assert spent[-1].money == result.usage.money == 0
    assert track(tmp_path / "asked").setting["model"] == "scripted"


def test_runs_of_python_code_without_a_configuration_are_told_apart(tmp_path: Path) -> None:
    for name, mating in (("a", Mating(Blend())), ("b", Mating(Gaussian(0.1), arity=1))):
        flow = generational(Start(), mating, size=5, seed=1)
        run(flow, np.sum, budget=Budget(evaluations=12), path=tmp_path / name)
    report = compared([track(tmp_path / name) for name in "ab"])
    labels = [row[0] for row in table(report, "Best").rows]
    assert labels == ["operators=Start, Blend", "operators=Start, Gaussian"]
