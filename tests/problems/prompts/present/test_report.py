"""The report on a run for prompts is true, and its files hold what it tells of."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evollm import Budget
from problems.prompts.methods.evolution import Evolution
from problems.prompts.methods.front import Front
from problems.prompts.methods.greedy import TAPruning
from problems.prompts.present.difference import Difference
from problems.prompts.pruned import Pruned
from problems.prompts.saved import PrunedPrompt
from tests.problems.prompts.support_words import Moody, system
from tests.problems.trees.support_runs import rows_of, section
from tests.support_each import each

SMALL = Evolution(population=4, offspring=6, min_length=3)


def found(method: Any = SMALL, **chosen: Any) -> Pruned:
    """Return what a short search comes to."""
    return system(method, **chosen).search(budget=Budget(evaluations=30))


PRUNED = found()


def test_the_scores_are_those_of_the_prompts_themselves() -> None:
    report, problem = PRUNED.report(), PRUNED.system.problem
    sets = dict(PRUNED.system.task.splits)
    told = {(row["examples"], row["metric"]): row for row in rows_of(report, "Scores")}
    assert len(told) == 6
    for name, title in (("search", "8 search"), ("select", "8 selection"), ("test", "20 test")):
        for column, mask in (("pruned", PRUNED.mask), ("unpruned", problem.prompt.whole)):
            values = problem.judged(mask, sets[name]).values["accuracy"].astype(float)
            error = values.std(ddof=1) / np.sqrt(len(values))
            assert told[title, "accuracy"][column] == f"{values.mean():.4g} ± {error:.2g}"


def test_the_report_tells_what_the_test_says_and_what_it_took() -> None:
    report = PRUNED.report()
    facts = section(report, "Scores").facts
    before, after = (one["test"]["accuracy"].values for one in (PRUNED.unpruned, PRUNED.scores))
    expected = Difference.of(before, after)
    assert facts["accuracy gained"].startswith(expected.text())
    assert "on 20 test examples, paired, 10,000 resamples" in facts["accuracy gained"]
    assert facts["ties"].startswith("0 of 8 search, 0 of 8 selection, 0 of 20 test examples")
    assert "labels not listed" not in facts
    text = report.text()
    usage = PRUNED.result.usage
    assert f"{usage.evaluations} evaluations (0 failed)" in text
    assert f"{usage.cost:.0f} tokens" in text


def test_the_prompt_is_shown_with_its_length_and_mode() -> None:
    shown = section(PRUNED.report(), "Prompt")
    stay = int(PRUNED.mask.sum())
    assert shown.facts["tokens"] == f"{stay + 1} of 18; of the 17 that can be pruned {stay} stay"
    assert shown.facts["given to the model as"] == "text (to moody)"
    again = len(PRUNED.system.reader.tokenizer.encode(PRUNED.text))
    assert f" {again} tokens" in shown.facts["cut into tokens again"]
    assert shown.text.count("[-") >= 1
    ids = section(found(TAPruning(), mode="ids").report(), "Prompt")
    assert ids.facts["given to the model as"] == "ids (to moody)"
    assert "cut into tokens again" not in ids.facts


def test_the_prunings_lead_from_the_unpruned_prompt_to_the_chosen_one() -> None:
    steps = rows_of(PRUNED.report(), "Prunings")
    assert steps[0]["tokens"] == 17
    assert steps[-1]["candidate"] == PRUNED.candidate
    assert steps[-1]["tokens"] == PRUNED.mask.sum()
    assert [row["best so far"] for row in steps] == list(
        np.maximum.accumulate([row["mean reward"] for row in steps])
    )
    problem = PRUNED.system.problem
    for row in steps:
        assert (
            row["mean reward"]
            == PRUNED.result.record.rows(
                "SELECT fitness FROM outcomes WHERE candidate = ?", (row["candidate"],)
            )[0][0]
        )
    lost = [one.dropped for one in PRUNED.prunings]
    assert sum(map(len, lost)) == 17 - PRUNED.mask.sum()
    assert all(1 <= len(one) <= 4 for one in lost[1:])
    assert problem.write(PRUNED.prunings[-1].mask) == PRUNED.text


def test_the_curves_are_data() -> None:
    [lengths, course] = [curve for one in PRUNED.report().sections for curve in one.curves]
    points = lengths.lines["best prompt of a length"]
    assert points[-1] == (17.0, PRUNED.unpruned["search"]["accuracy"].mean)
    best = course.lines["best so far"]
    assert len(best) == PRUNED.result.usage.evaluations
    assert best[-1][1] == PRUNED.result.fitness


def test_labels_that_were_not_listed_are_told() -> None:
    facts = section(found(reader=Moody(missing=1), method=TAPruning()).report(), "Scores").facts
    assert facts["labels not listed"].startswith("on 2 examples")  # two prompts were tested


@each("method", [SMALL, Front(population=6)], ids=["evolution", "front"])
def test_the_files_hold_the_prompt(method: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pruned = found(method)
    files = [file.name for file in pruned.system.export(pruned.result, tmp_path)]
    front = ["front.json", "front.png"] if isinstance(method, Front) else []
    assert files == ["prompt.txt", "prompt.json", "prompt.png", "curve.png", *front]
    assert (tmp_path / "prompt.txt").read_text() == pruned.text
    assert PrunedPrompt.load(tmp_path / "prompt.json") == pruned.prompt
    for name in files:
        if name.endswith("png"):
            assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    if front:
        kept = json.loads((tmp_path / "front.json").read_text())
        lengths = [one["tokens"] for one in kept["front"]]
        assert lengths == sorted(lengths)
        assert kept["metric"] == "accuracy"
        rows = rows_of(pruned.report(), "Front")
        assert [row["candidate"] for row in rows] == [one["candidate"] for one in kept["front"]]
        assert rows[0]["accuracy, selection"] == kept["front"][0]["select"]["accuracy"]


def test_without_matplotlib_there_are_no_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    (tmp_path / "prompt.png").write_text("old")
    files = PRUNED.system.export(PRUNED.result, tmp_path)
    assert [file.name for file in files] == ["prompt.txt", "prompt.json"]
    assert {file.name for file in tmp_path.iterdir()} == {"prompt.txt", "prompt.json"}


def test_a_run_without_a_score_is_reported_all_the_same(tmp_path: Path) -> None:
    chosen = system(SMALL)
    result = chosen.run(Budget(evaluations=0))
    assert "0 evaluations" in chosen.report(result).text()
    assert chosen.export(result, tmp_path) == []


def test_a_notebook_shows_picture_and_scores() -> None:
    page = PRUNED._repr_html_()
    assert page.startswith("<div")
    assert "line-through" in page
    assert "<td>20 test</td><td>accuracy</td>" in page
    assert "{sentence_1}</span>" in page


def test_the_interval_is_that_of_a_bootstrap() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.random(300), rng.random(300) + 0.1
    gains = after - before
    found = Difference.of(before.tolist(), after.tolist())
    error = gains.std(ddof=1) / np.sqrt(300)
    assert found.mean == pytest.approx(gains.mean())
    assert found.low == pytest.approx(gains.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(gains.mean() + 1.96 * error, abs=0.15 * error)
    assert found == Difference.of(before.tolist(), after.tolist())
    assert Difference.of([1, 0], [1, 0]).text() == "+0 (95% interval +0 to +0)"
