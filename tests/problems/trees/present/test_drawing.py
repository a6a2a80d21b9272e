import xml.etree.ElementTree as ET

import pytest

from evollm import EvollmError
from operators.trees.columns import Column, Columns
from operators.trees.genome import Leaf, Split
from problems.trees.present.drawing import draw
from tests.operators.trees.support_growth import COLUMNS, REGRESSION

SMALL = Split(0, 1.5, Leaf(0), Split(2, 0.0, Leaf(2), Leaf(1), (0, 2), True))


def texts(path):
    """Return the comments in which matplotlib's SVG keeps its texts."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    root = ET.parse(path, parser).getroot()
    return [part.text.strip() for part in root.iter() if part.tag is ET.Comment]


def test_a_drawing_holds_every_question_and_leaf(tmp_path):
    found = texts(draw(SMALL, tmp_path / "tree.svg", COLUMNS, "A small tree"))
    for text in (
        "glucose",
        "≤ 1.5 mg/dl",
        "in red, green",
        "or missing",
        "maybe so",
        "A small tree",
    ):
        assert text in found, text
    assert found.count("yes") == 3
    assert found.count("no") == 3


def test_pictures_are_png_too(tmp_path):
    path = draw(Split(1, 0.5, Leaf(1.25), Leaf(2.0)), str(tmp_path / "tree.png"), REGRESSION)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_lone_leaf_and_names_with_dollars_are_drawn(tmp_path):
    columns = Columns((Column("$x^"),), ("$a$", "b"))
    for tree in (Leaf(0), Split(0, 1.0, Leaf(0), Leaf(1))):
        assert "$a$" in texts(draw(tree, tmp_path / "tree.svg", columns))


def test_other_files_and_missing_folders_are_refused(tmp_path):
    with pytest.raises(EvollmError, match="must end in"):
        draw(SMALL, tmp_path / "tree.txt", COLUMNS)
    with pytest.raises(EvollmError, match="no folder"):
        draw(SMALL, tmp_path / "nowhere" / "tree.png", COLUMNS)


def test_a_tree_too_wide_for_a_picture_is_refused(tmp_path):
    wide = Leaf(0)
    for _ in range(256):
        wide = Split(0, 1.0, wide, Leaf(1))
    with pytest.raises(EvollmError, match="a tree of 257 leaves is too wide to draw"):
        draw(wide, tmp_path / "tree.png", COLUMNS)
    assert not list(tmp_path.iterdir())


def test_names_with_newlines_stay_on_their_line(tmp_path):
    columns = Columns((Column("a\nb", unit="m\n"),), ("x\ny", "z"))
    found = texts(draw(Split(0, 1.00001, Leaf(0), Leaf(1)), tmp_path / "t.svg", columns, "a\n$b"))
    assert {"a\\nb", "x\\ny", "≤ 1.00001 m\\n", "a\\n$b"} <= set(found)
