"""The report on a run for trees is true, of the tree and of how the search went."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from evollm.algorithms.pareto import values_of
from operators.trees.genome import merged
from operators.trees.line import write
from problems.trees.data.tables import load, split
from problems.trees.options import Options
from problems.trees.present.export import from_json, to_rules
from tests.problems.trees.support_runs import (
    ANSWERS,
    SMALL,
    faults,
    ran,
    rows_of,
    section,
    system_of,
)


def test_the_report_tells_the_truth_about_the_tree(tmp_path):
    system = system_of(Options(method="classical", population=8, split=2))
    result = ran(system, tmp_path, 4)
    report = system.report(result)
    problem = system.problem
    metrics = {
        candidate: (json.loads(metrics)["valid_balanced_accuracy"], fitness, -candidate)
        for candidate, fitness, metrics in result.record.rows(
            "SELECT candidate, fitness, metrics FROM outcomes"
        )
    }
    chosen = max(metrics, key=metrics.__getitem__)
    fitted = problem.fit(result.candidate(chosen).genome)
    tree = section(report, "Tree")
    assert tree.facts["tree"] == f"candidate {chosen}, the best on the validation rows"
    assert [one.id for one in result.finals] == [chosen]
    table = load("pima")
    parts = split(table, 2)
    truth = [
        balanced_accuracy_score(table.y[part], fitted.predict(table.X[part]))
        for part in (parts.train, parts.valid, parts.test)
    ]
    [row] = rows_of(report, "Scores")
    assert row.pop("objective") == "balanced accuracy"
    assert row == pytest.approx(dict(zip(("train", "valid", "test"), truth, strict=True)))
    rules = to_rules(merged(fitted.tree), problem.columns)
    assert tree.text == rules.rstrip()
    system.export(result, tmp_path)
    assert (tmp_path / "tree.txt").read_text() == rules
    assert system.write(result.best) == write(
        problem.fit(result.best.genome).tree, problem.columns, digits=None
    )
    assert system.units["fitness"].text(result.fitness) == f"{result.fitness:.6g}"


def test_the_files_hold_the_tree(tmp_path):
    system = system_of(Options(method="classical", population=8))
    files = system.export(ran(system), tmp_path)
    names = [f"tree.{end}" for end in ("json", "txt", "dot", "py", "png")]
    assert files == [tmp_path / name for name in names]
    columns = system.problem.columns
    tree = from_json((tmp_path / "tree.json").read_text(), columns)
    assert (tmp_path / "tree.dot").read_text().startswith("digraph Tree")
    assert (tmp_path / "tree.png").read_bytes().startswith(b"\x89PNG")
    made = {}
    exec((tmp_path / "tree.py").read_text(), made)
    X = load("pima").X
    names = [column.name for column in columns.columns]
    labels = [made["predict"](dict(zip(names, row, strict=True))) for row in X.tolist()]
    assert labels == [columns.classes[int(code)] for code in system.problem.fit(tree).predict(X)]


def test_the_python_file_takes_the_rows_of_the_users_file(tmp_path):
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(3)
    frame = pandas.DataFrame(
        {
            "Size (cm)": rng.normal(size=120).round(3),
            "größe": rng.normal(size=120).round(3),
            'the "colour"\nof it': rng.choice(["red", "dark blue", "new\nline"], 120),
        }
    )
    frame["class"] = np.where(
        (frame["Size (cm)"] > 0.2) & (frame.iloc[:, 2] != "red"), 'is "so"', "not\nso"
    )
    frame.iloc[::9, 0] = np.nan
    frame.to_csv(tmp_path / "mine.csv", index=False)
    options = Options(
        method="classical", population=20, data=str(tmp_path / "mine.csv"), target="class"
    )
    system = system_of(options)
    system.export(ran(system, generations=4), tmp_path)
    made = {}
    exec((tmp_path / "tree.py").read_text(), made)
    rows = pandas.read_csv(tmp_path / "mine.csv")
    labels = [made["predict"](row) for row in rows.to_dict("records")]
    table = system.holdout.table
    tree = from_json((tmp_path / "tree.json").read_text(), system.problem.columns)
    codes = system.problem.fit(tree).predict(table.X).astype(int)
    assert labels == [table.classes[code] for code in codes]
    assert len(set(labels)) == 2
    rules = (tmp_path / "tree.txt").read_text()
    assert "Size (cm) <= " in rules
    assert all(line.startswith("|") for line in rules.splitlines())


def test_without_matplotlib_the_rest_is_there(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    system = system_of(replace(SMALL, method="classical", objectives="balanced_accuracy,size"))
    (tmp_path / "tree.png").write_text("an old picture")
    files = system.export(ran(system), tmp_path)
    names = ["tree.json", "tree.txt", "tree.dot", "tree.py", "front.json"]
    assert [file.name for file in files] == names
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)


def test_answers_of_no_use_copies_and_duplicates_are_counted():
    system = system_of(replace(SMALL, duplicates=False))
    result = ran(system, generations=3, seed=4)
    report = system.report(result)
    calls = dict(result.record.rows("SELECT id, answer FROM calls"))
    texts = [json.loads(answer)["text"] for answer in calls.values()]
    reasons = {
        "malformed": texts.count(ANSWERS[5]),
        "unknown feature": texts.count(ANSWERS[3]),
        "too deep": texts.count(ANSWERS[4]),
    }
    assert min(reasons.values()) > 0
    assert faults(report, "rejected") == reasons
    asked = 0
    made = {row["operator"]: row for row in rows_of(report, "Operators")}
    for name in ("GuidedCrossover", "DiverseMutation"):
        share, _, answers = made[name]["valid answers"].partition("% of ")
        answers = int(answers)
        asked += answers
        operator = "SELECT answer FROM calls JOIN jobs ON jobs.id = job WHERE name = ?"
        heard = [json.loads(a)["text"] for (a,) in result.record.rows(operator, (name,))]
        good = sum(text in ANSWERS[:3] for text in heard)
        assert (answers, share) == (len(heard), f"{100 * good / answers:.1f}")
    assert asked == result.usage.calls
    assert sum(row["trees"] for row in made.values()) == 28
    scored = [k for (k,) in result.record.rows("SELECT candidate FROM outcomes")]
    distinct = len({system.problem.signature(result.candidate(k).genome) for k in scored})
    assert len(scored) == 28
    duplicates = section(report, "Operators").facts["duplicates"]
    assert duplicates.startswith(f"{28 - distinct} of 28 trees")


def test_a_start_from_the_model_says_who_stood_in():
    system = system_of(replace(SMALL, start="model"))
    report = system.report(ran(system, generations=1))
    [first] = [row for row in rows_of(report, "Operators") if row["operator"] == "FirstTrees"]
    assert first["trees"] == 4
    bad = 4 - round(float(first["valid answers"].partition("%")[0]) / 25)
    assert bad > 0
    assert faults(report, "rejected")["stood in for by Forest"] == bad


def test_a_front_is_printed_and_filed(tmp_path):
    options = Options(
        data="german",
        method="classical",
        population=10,
        objectives="balanced_accuracy,size,gap",
        groups="foreign_worker",
    )
    system = system_of(options)
    result = ran(system, generations=4)
    report = system.report(result)
    system.export(result, tmp_path)
    found = json.loads((tmp_path / "front.json").read_text())
    assert found["objectives"] == ["balanced_accuracy", "size", "gap"]
    weights = {"balanced_accuracy": 1.0, "size": -1.0, "gap": 1.0}
    living = {one.id: values_of(one, weights) for one in result.population}
    front = {member["candidate"]: member for member in found["front"]}
    for number, values in living.items():
        beaten = any(
            other != values and all(a >= b for a, b in zip(other, values, strict=True))
            for other in living.values()
        )
        if number in front:
            member = front[number]
            ours = (member["train"]["balanced_accuracy"], -member["size"], -member["train"]["gap"])
            assert not beaten
            assert ours == pytest.approx(values)
        else:
            assert beaten or values in [living[k] for k in front]
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")
    assert len(front) > 1
    printed = rows_of(report, "Front")
    assert [row["candidate"] for row in printed] == [m["candidate"] for m in found["front"]]
    finals = {one.id: one.outcome.metrics for one in result.finals}
    for row, member in zip(printed, found["front"], strict=True):
        scored = finals[member["candidate"]]["valid_balanced_accuracy"]
        assert member["test"]["balanced_accuracy"] == scored
        assert row["balanced accuracy"].endswith(f"({scored:.4g})")
