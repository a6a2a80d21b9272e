"""Examples from runs: the answers that led to better children, in the operator's own words."""

import pytest

from evollm import Budget, EvollmError
from evollm.llm.scripted import Scripted
from evollm.tuning.records import collected
from problems.blackbox import EvoLLM
from problems.blackbox.controls import Control
from problems.blackbox.framed import Framed


def sphere(point) -> float:
    return sum(x * x for x in point)


def test_improving_answers_are_kept_with_their_prompts(tmp_path) -> None:
    model = Scripted(lambda prompt, *_: "50,50")
    settings = Framed(warmup=6, memory=4, offspring=2)
    EvoLLM(sphere, [(-5, 5)] * 2, model=model, strategy=settings).run(
        Budget(evaluations=20), path=tmp_path / "run"
    )
    known = collected([tmp_path / "run"]).known
    assert known
    assert all(example.answer == "50,50" for example in known)
    assert all(len(str(example.prompt).splitlines()) <= 4 for example in known)
    assert all(0.5 < example.weight < 1.5 for example in known)
    assert len(collected([tmp_path / "run"]).examples(7, seed=1)) == 7


def test_a_run_without_a_model_teaches_nothing(tmp_path) -> None:
    search = EvoLLM(sphere, [(-5, 5)] * 2, strategy=Control("hill"))
    search.run(Budget(evaluations=20), path=tmp_path / "run")
    with pytest.raises(EvollmError, match=r"no answer of a model in .*run led to a child fitter"):
        collected([tmp_path / "run"])
