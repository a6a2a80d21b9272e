"""The command ``evollm run expressions``: functions, files and refusals."""

import pytest

from tests.evollm.support_terminal import evollm, refusal
from tests.support_each import each

FEW = ("--population", 10, "--generations", 2, "--max-size", 15)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with tables."""
    folder = tmp_path_factory.mktemp("tables")
    lines = ["body mass;length;cost"] + [f"{i};{i % 7};{3 * i + i % 7}" for i in range(40)]
    (folder / "mine.csv").write_text("\n".join(lines))
    (folder / "gap.csv").write_text("a,b\n1,2\n,3\n")
    (folder / "ragged.csv").write_text("a,b\n1,2\n3\n")
    (folder / "empty.csv").write_text("\n")
    (folder / "twice.csv").write_text("a,a,b\n1,2,3\n")
    return folder


def test_a_function_is_searched_and_shown(tmp_path):
    first = evollm("run", "expressions", *FEW, "--path", "run", folder=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "nguyen-5: sin(x^2)*cos(x) - 1, 20 training rows, 1000 test rows" in first.stdout
    assert "(training NRMSE) at " in first.stdout
    assert "formula  f = " in first.stdout
    names = {file.name for file in (tmp_path / "run").iterdir()}
    assert {"formula.txt", "formula.py", "formula.tex"} <= names
    shown = evollm("show", "run", folder=tmp_path)
    assert "training NRMSE" in shown.stdout


def test_a_file_is_searched(folder):
    done = evollm(
        *("run", "expressions", "--data", "mine.csv", "--target", "cost", *FEW), folder=folder
    )
    assert done.returncode == 0, done.stderr
    assert "mine.csv: 30 training rows, 10 test rows" in done.stdout
    assert "formula    cost = " in done.stdout
    assert "body_mass  body mass" in done.stdout


@each(
    ("options", "said"),
    [
        (("--function", "nguyen-50"), "there is no function 'nguyen-50'; did you mean 'nguyen-5'?"),
        (("--data", "mine.csv"), "--data FILE.csv and --target COLUMN go together"),
        (("--data", "mine.csv", "--target", "price"), "mine.csv has no column 'price'"),
        (("--data", "none.csv", "--target", "b"), "none.csv can't be read: No such file"),
        (("--data", "gap.csv", "--target", "b"), "column 'a' of gap.csv contains '' in row 3"),
        (("--data", "ragged.csv", "--target", "b"), "row 3 of ragged.csv has 1 cells"),
        (("--data", "empty.csv", "--target", "b"), "has no content"),
        (("--data", "twice.csv", "--target", "b"), "two columns with different names"),
        (("--functions", "add,sine"), "there is no function 'sine'; did you mean 'sin'?"),
        (("--test", "1"), "--test must be at least 0 and below 1, not 1.0"),
        (("--constants", "-2"), "--constants must be at least 0"),
    ],
)
def test_a_users_mistake_is_one_sentence(folder, options, said):
    assert said in refusal(evollm("run", "expressions", *options, folder=folder))
