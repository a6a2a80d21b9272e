"""The options of the trees command: they reach the settings, and mistakes are refused early."""

from dataclasses import fields

import pytest

from evollm import EvollmError
from evollm.cli.options import build, options_of
from problems.trees.command import COMMAND
from problems.trees.llego import LLEGOSettings
from problems.trees.options import Options, settings
from tests.problems.trees.support_runs import mine
from tests.support_each import each


def test_the_options_reach_the_search():
    given = {
        "population": 7,
        "offspring": 9,
        "max_depth": 4,
        "arity": 3,
        "brood": 5,
        "alpha": -0.2,
        "tau": 3.0,
        "candidates": 6,
        "spare": 1,
        "per_token": True,
        "order": "random",
        "semantics": False,
        "start": "random",
        "duplicates": False,
        "form": "json",
        "mode": "chat",
        "hold": "none",
        "temperature": 0.5,
    }
    found = settings(Options(**given, fitness=False))
    assert {name: getattr(found, name) for name in given} == given
    assert not found.fitness
    assert settings(Options()) == type(found)()


def test_every_setting_is_an_option_but_the_shares_that_the_method_sets():
    names = options_of(Options)
    listed = {leaf.path for leaves in names.values() for leaf in leaves}
    hidden = {item.name for item in fields(LLEGOSettings)} - listed
    assert hidden == {"crossover", "mutation", "rewriting", "classical", "random"}
    assert names["show_fitness"][0].path == "fitness"
    assert all(leaf.help for leaves in names.values() for leaf in leaves)
    with pytest.raises(EvollmError, match=r"^--max-depth must be 1 or more"):
        build(Options, {"max_depth": 0})


MISTAKES = [
    ({"data": "pina"}, "no data set 'pina'; did you mean 'pima'.*FILE.csv"),
    ({"data": "zzz"}, "no data set 'zzz': choose from .*pima"),
    ({"target": "glucose"}, "--target and --task are only"),
    ({"task": "regression"}, "--target and --task are only for your own FILE.csv"),
    ({"data": "mine.csv"}, "the column of mine.csv to predict: --target COLUMN"),
    ({"data": "none.csv", "target": "y"}, "none.csv can't be read"),
    ({"data": "mine.csv", "target": "Lable"}, "no column 'Lable'; did you mean 'Label'"),
    ({"data": "mine.csv", "target": "Label", "zeros_missing": True}, "--zeros-missing is only for"),
    (
        {"data": "mine.csv", "target": "Label", "task": "regression"},
        "must be numbers for a regression",
    ),
    ({"separator": ";"}, "--separator is only for your own FILE.csv, not for pima"),
    ({"numeric": "age"}, "--numeric is only for your own FILE.csv"),
    ({"data": "mine.csv", "target": "Label", "separator": "::"}, "separator must be one char"),
    (
        {"data": "mine.csv", "target": "Label", "numeric": "Colour"},
        "'Colour' contains '\\w+', whi",
    ),
    ({"data": "mine.csv", "target": "Label", "categorical": "Colr"}, "did you mean 'Colour'"),
    ({"objective": "acuracy"}, "can't be 'acuracy'; did you mean 'accuracy'"),
    ({"objective": "mse"}, "of a classification can't be 'mse'"),
    ({"data": "cars", "objective": "auc"}, "of a regression can't be 'auc'"),
    ({"objective": "size"}, "can't be 'size'"),
    ({"objectives": "accuracy"}, "two or more different ones"),
    ({"objectives": "accuracy,accuracy"}, "two or more different ones"),
    ({"objectives": "size,accuracy"}, "the first one of balanced_accuracy, accuracy"),
    ({"objectives": "accuracy,siez"}, "can't be 'siez'; did you mean 'size'"),
    ({"objectives": ""}, "can't be ''"),
    ({"objective": "auc", "objectives": "auc,size"}, "not both"),
    ({"objectives": "auc,size", "offspring": 3}, "remove --offspring"),
    ({"objectives": "auc,size", "duplicates": False}, "remove --offspring"),
    ({"objectives": "auc,gap"}, "--groups COLUMN go together"),
    (
        {"data": "german", "objectives": "auc,gap"},
        "such as foreign_worker go together: give both or neither",
    ),
    ({"groups": "age"}, "go together"),
    ({"objectives": "auc,gap", "groups": "agee"}, "no column 'agee'.*did you mean 'age'"),
    ({"objectives": "auc,gap", "groups": "age"}, "different numbers: groups need a column of"),
    ({"population": 0}, "--population must be 1 or more"),
    ({"offspring": 0}, "--offspring must be 1 or more"),
    ({"max_depth": 0}, "--max-depth must be 1 or more"),
    ({"max_depth": 65}, "--max-depth must be 64 or less"),
    ({"leaves": "majority", "refit_leaves": False}, "remove it or --no-refit-leaves"),
    ({"arity": 0}, "--arity"),
    ({"brood": 0}, "--brood"),
    ({"candidates": 0}, "--candidates"),
    ({"spare": -1}, "--spare must be 0 or more"),
    ({"split": -1}, "--split must be 0 or more"),
    ({"temperature": float("nan")}, "--temperature must be 0 or more"),
    ({"tau": 0.0}, "--tau must be positive"),
    ({"alpha": float("inf")}, "--alpha finite"),
    ({"method": "rewriting", "mode": "chat"}, "rewriting needs --mode plain"),
    ({"form": "json", "hold": "grammar"}, "hold must be schema or none"),
]


@each("wrong, message", MISTAKES)
def test_a_mistake_is_named_before_a_model_is_looked_for(wrong, message, tmp_path, monkeypatch):
    mine(tmp_path)
    monkeypatch.chdir(tmp_path)

    def connect(prepare=None):
        raise AssertionError("a model was looked for")

    with pytest.raises(EvollmError, match=message) as caught:
        COMMAND.system(build(Options, wrong), connect)
    assert "\n" not in str(caught.value)
