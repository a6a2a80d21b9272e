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
from tests.problems.trees.support_runs import ANSWERS, SMALL, lines, planned, ran


def test_the_report_tells_the_truth_about_the_tree(tmp_path):
    plan = planned(Options(method="classical", population=8, split=2))
    result = ran(plan, tmp_path, 4)
    said = plan.report(result)
    problem = plan.problem
    metrics = {
        candidate: (json.loads(metrics)["valid_balanced_accuracy"], fitness, -candidate)
        for candidate, fitness, metrics in result.record.rows(
            "SELECT candidate, fitness, metrics FROM outcomes"
        )
    }
    chosen = max(metrics, key=metrics.__getitem__)
    fitted = problem.fit(result.candidate(chosen).genome)
    [tree] = lines(said, "tree")
    assert tree.startswith(f"candidate {chosen}, the best on the validation rows")
    table = load("pima")
    parts = split(table, 2)
    truth = [
        balanced_accuracy_score(table.y[part], fitted.predict(table.X[part]))
        for part in (parts.train, parts.valid, parts.test)
    ]
    [row] = [line for line in said.splitlines() if "balanced accuracy " in line]
    assert row.split()[2:] == [f"{value:.4g}" for value in truth]
    rules = to_rules(merged(fitted.tree), problem.columns)
    assert (tmp_path / "tree.txt").read_text() == rules
    assert all(f"  {line}\n" in said for line in rules.splitlines())
    assert plan.show(result.best) == write(
        problem.fit(result.best.genome).tree, problem.columns, digits=None
    )
    assert plan.value(result.fitness) == f"{result.fitness:.6g}"


def test_the_files_hold_the_tree(tmp_path):
    plan = planned(Options(method="classical", population=8))
    result = ran(plan, tmp_path)
    [files] = lines(plan.report(result), "files")
    assert files == f"tree.json, tree.txt, tree.dot, tree.py, tree.png in {tmp_path}"
    columns = plan.problem.columns
    tree = from_json((tmp_path / "tree.json").read_text(), columns)
    assert (tmp_path / "tree.dot").read_text().startswith("digraph Tree")
    assert (tmp_path / "tree.png").read_bytes().startswith(b"\x89PNG")
    made = {}
    exec((tmp_path / "tree.py").read_text(), made)
    X = load("pima").X
    names = [column.name for column in columns.columns]
    told = [made["predict"](dict(zip(names, row, strict=True))) for row in X.tolist()]
    assert told == [columns.classes[int(code)] for code in plan.problem.fit(tree).predict(X)]


def test_the_python_file_takes_the_rows_of_the_users_file(tmp_path):
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(3)
    frame = pandas.DataFrame(
        {
            "Size (cm)": rng.normal(size=120).round(3),
            "größe": rng.normal(size=120).round(3),
            'the "colour"\n': rng.choice(["red", "dark blue", "new\nline"], 120),
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
    plan = planned(options)
    plan.report(ran(plan, tmp_path / "run", 4))
    made = {}
    exec((tmp_path / "run" / "tree.py").read_text(), made)
    rows = pandas.read_csv(tmp_path / "mine.csv")
    told = [made["predict"](row) for row in rows.to_dict("records")]
    table = plan.report.args[0].table
    tree = from_json((tmp_path / "run" / "tree.json").read_text(), plan.problem.columns)
    said = plan.problem.fit(tree).predict(table.X).astype(int)
    assert told == [table.classes[code] for code in said]
    assert len(set(told)) == 2
    rules = (tmp_path / "run" / "tree.txt").read_text()
    assert "Size (cm) <= " in rules
    assert all(line.startswith("|") for line in rules.splitlines())


def test_without_matplotlib_the_rest_is_there(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    plan = planned(
        replace(SMALL, method="classical", objectives="balanced_accuracy,size"),
    )
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "tree.png").write_text("an old picture")
    [files] = lines(plan.report(ran(plan, tmp_path / "run")), "files")
    assert files.startswith("tree.json, tree.txt, tree.dot, tree.py, front.json in")
    assert not list((tmp_path / "run").glob("*.png"))


def test_answers_of_no_use_copies_and_duplicates_are_counted():
    plan = planned(replace(SMALL, duplicates=False), seed=4)
    result = ran(plan, generations=3)
    said = plan.report(result)
    calls = dict(result.record.rows("SELECT id, answer FROM calls"))
    texts = [json.loads(answer)["text"] for answer in calls.values()]
    reasons = {
        "malformed": texts.count(ANSWERS[5]),
        "unknown feature": texts.count(ANSWERS[3]),
        "too deep": texts.count(ANSWERS[4]),
    }
    assert min(reasons.values()) > 0
    assert sorted(lines(said, "rejected")) == sorted(f"{n} x {why}" for why, n in reasons.items())
    asked = 0
    for name in ("GuidedCrossover", "DiverseMutation"):
        [line] = [line for line in lines(said, "made by") if line.startswith(f"{name}: 12 trees")]
        share, answers = line.split(", ")[-1].split("% of ")
        answers = int(answers.split()[0])
        asked += answers
        operator = "SELECT answer FROM calls JOIN jobs ON jobs.id = job WHERE name = ?"
        heard = [json.loads(a)["text"] for (a,) in result.record.rows(operator, (name,))]
        good = sum(text in ANSWERS[:3] for text in heard)
        assert (answers, share) == (len(heard), f"{100 * good / answers:.1f}")
    assert asked == result.usage.calls
    scored = [k for (k,) in result.record.rows("SELECT candidate FROM outcomes")]
    distinct = len({plan.problem.signature(result.candidate(k).genome) for k in scored})
    assert len(scored) == 28
    [line] = lines(said, "duplicates")
    assert line.startswith(f"{28 - distinct} of 28 trees")


def test_a_start_from_the_model_says_who_stood_in():
    plan = planned(replace(SMALL, start="model"))
    said = plan.report(ran(plan, generations=1))
    stood = [line for line in lines(said, "rejected") if "stood in for by Forest" in line]
    texts = [line for line in lines(said, "made by") if line.startswith("FirstTrees: 4 trees")]
    assert len(texts) == 1
    bad = 4 - round(float(texts[0].split(", ")[-1].split("%")[0]) / 25)
    assert bad > 0
    assert stood == [f"{bad} x stood in for by Forest"]


def test_a_front_is_printed_and_filed(tmp_path):
    options = Options(
        data="german",
        method="classical",
        population=10,
        objectives="balanced_accuracy,size,gap",
        groups="foreign_worker",
    )
    plan = planned(options)
    result = ran(plan, tmp_path, 4)
    said = plan.report(result)
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
    printed = said.split("\nfront ")[1].split("\nfiles")[0].splitlines()[1:]
    assert [int(line.split()[0]) for line in printed] == [m["candidate"] for m in found["front"]]
