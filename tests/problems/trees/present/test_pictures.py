"""The picture of a front shows every tree."""

import xml.etree.ElementTree as ET

import pytest

from evollm import EvollmError
from problems.trees.present.pictures import plot_front


def member(size, train, test):
    found = {"train": train, "test": test}
    return {"size": size, "depth": 2} | {
        part: dict(zip(("auc", "gap"), values, strict=True)) for part, values in found.items()
    }


FRONT = [
    member(17, (0.9, 0.3), (0.8, 0.2)),
    member(7, (0.8, 0.1), (0.7, 0.15)),
    member(1, (0.5, 0.0), (None, 0.0)),
]


def texts(path):
    """Return the comments in which matplotlib's SVG keeps its texts."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    root = ET.parse(path, parser).getroot()
    return [part.text.strip() for part in root.iter() if part.tag is ET.Comment]


def marks(path):
    """Return how many markers each group of points has."""
    name = "{http://www.w3.org/2000/svg}"
    groups = ET.parse(path).getroot().iter(f"{name}g")
    found = [g for g in groups if g.get("id", "").startswith("PathCollection")]
    return [len(list(g.iter(f"{name}use"))) for g in found]


def test_a_front_has_a_panel_an_objective_and_a_label_a_tree(tmp_path):
    file = plot_front(FRONT, ["auc", "size", "gap"], tmp_path / "front.svg")
    found = texts(file)
    assert found.count("auc") == 2
    assert {"size", "gap", "train rows", "test rows"} <= set(found)
    assert found.count("17") == 2
    assert sorted(marks(file))[-4:] == [2, 2, 3, 3]  # those of the legend are fewer


def test_without_test_rows_only_the_training_rows_are_drawn(tmp_path):
    members = [{name: one[name] for name in ("size", "depth", "train")} for one in FRONT]
    file = plot_front(members, ["auc", "size"], tmp_path / "front.svg")
    assert "train rows" in texts(file)
    assert "test rows" not in texts(file)


def test_fewer_than_two_objectives_are_no_front(tmp_path):
    with pytest.raises(EvollmError, match="at least two objectives"):
        plot_front(FRONT, ["auc"], tmp_path / "front.png")
