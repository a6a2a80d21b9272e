"""Systems: what their base class promises, shown by a small one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget, EvollmError, Outcome, System, Units, operator, run
from evollm.algorithms import Mating, generational
from evollm.report.page import Section
from evollm.report.sections import overview
from evollm.runtime.finals import Finalists
from evollm.runtime.result import Result
from evollm.search.flow import Flow
from evollm.store import queries
from evollm.store.record import Record
from evollm.testing import SystemCase, SystemKit
from evollm.testing.trials import Questioner
from evollm.types import Individual


class Words:
    """Counts the wanted letters of a word; on the second rung in another way."""

    elementwise = True

    def __init__(self) -> None:
        self.prepared = 0

    def prepare(self) -> None:
        self.prepared += 1

    def evaluate(self, genomes: Any, fidelity: int | None, seed: int) -> list[Outcome]:
        wanted = "a" if fidelity is None else "b"
        return [Outcome(float(word.count(wanted)), cost=len(word)) for word in genomes]


class Spelling(System[str]):
    """Looks for words of many letters a, and takes the finalist with most letters b."""

    units: Mapping[str, Units] = {"fitness": Units("missing letters", maximize=False, offset=6)}
    budget = Budget(evaluations=30)

    def __init__(self, start: str = "aabbcc") -> None:
        self.problem = Words()
        self.start = start

    def flow(self, seed: int) -> Flow:
        letters = list("abc")

        @operator
        def fresh(parents: Any, rng: Any) -> str:
            return "".join(rng.permutation(list(self.start)))

        @operator
        def change(parents: Any, rng: Any) -> str:
            word = list(parents[0])
            word[rng.integers(len(word))] = str(rng.choice(letters))
            return "".join(word)

        return generational(fresh, Mating(change, arity=1), size=5, seed=seed)

    def write(self, individual: Individual[str]) -> str:
        return f"<{individual.genome}>"

    def finalists(self, result: Result[str]) -> Finalists[str]:
        return Finalists(result.population[:3], fidelity=2, seed=5)

    def report(self, result: Result[str]) -> Any:
        return overview(result.record, Section("Words", {"letters": "a to c"}))

    def export(self, result: Result[str], folder: Path) -> list[Path]:
        file = folder / "word.txt"
        file.write_text(self.choose(result).genome)
        return [file]

    def controls(self) -> dict[str, System[str]]:
        return {"plain": Spelling("abcabc")}


class TestConformance(SystemKit):
    @pytest.fixture
    def case(self) -> SystemCase:
        return Spelling, 30


def test_the_choice_is_the_fittest_finalist(tmp_path: Path) -> None:
    system = Spelling()
    result = system.run(path=tmp_path, seed=2)
    assert [one.fidelity for one in result.finals] == [2, 2, 2]
    chosen = system.choose(result)
    assert chosen.genome.count("b") == max(one.genome.count("b") for one in result.finals)
    assert result.usage.evaluations == 30
    assert result.usage.finals == 3
    with Record(tmp_path, write=False) as record:
        assert len(record.rows("SELECT * FROM finals")) == 3


class Ranking(Spelling):
    """Ranks the best distinct words of the whole search once more, not those that live."""

    def finalists(self, result: Result[str]) -> Finalists[str]:
        distinct: dict[str, Individual[str]] = {}
        for one in queries.individuals(result.record):
            distinct.setdefault(one.genome, one)
        ranked = sorted(distinct.values(), key=lambda one: (-one.fitness, one.id))
        return Finalists(ranked[:6], fidelity=2, seed=5)


def test_a_final_ranking_takes_the_dead_too(tmp_path: Path) -> None:
    system = Ranking()
    for _ in range(2):
        result = system.run(path=tmp_path, seed=3)
        genomes = [one.genome for one in result.finals]
        assert len(set(genomes)) == 6 > len(result.population)
        assert system.choose(result).fitness == max(one.fitness for one in result.finals)
        assert set(genomes) - {one.genome for one in result.population}
    assert result.usage.finals == 6


def test_a_larger_budget_goes_on_after_the_finals(tmp_path: Path) -> None:
    Spelling().run(Budget(evaluations=10), path=tmp_path)
    more = Spelling().run(Budget(evaluations=30), path=tmp_path)
    assert more.usage.evaluations == 30
    assert more.population == Spelling().run(Budget(evaluations=30)).population


def test_an_interrupted_search_has_no_finals(tmp_path: Path) -> None:
    def leave(under_way: Any, individual: Any) -> None:
        if under_way.usage.evaluations >= 10:
            under_way.stop("interrupted")

    result = Spelling().run(path=tmp_path, callbacks=[leave])
    assert result.stopped == "interrupted"
    assert not result.finals
    assert len(Spelling().run(path=tmp_path).finals) == 3


def test_data_are_prepared_before_the_search() -> None:
    system = Spelling()
    system.run()
    assert system.problem.prepared == 1


def test_a_system_without_words_of_its_own() -> None:
    class Bare(System[str]):
        problem = Words()

        def flow(self, seed: int) -> Flow:
            return Spelling().flow(seed)

    result = Bare().run(Budget(evaluations=20))
    assert Bare().choose(result) == result.best
    assert "best" in Bare().report(result).text()
    assert Bare().controls() == {}
    with pytest.raises(EvollmError, match="nothing was evaluated"):
        Bare().choose(Bare().run(Budget(evaluations=0)))


def test_a_plain_run_writes_no_texts() -> None:
    found = run(Spelling().flow(0), Words(), budget=Budget(evaluations=10))
    assert found.record.rows("SELECT DISTINCT text FROM outcomes") == [(None,)]


class Examined(Spelling):
    """Finalists are scored by a problem that asks a model."""

    def finalists(self, result: Result[str]) -> Finalists[str]:
        chosen = [
            replace(one, candidate=replace(one.candidate, genome=float(i)))
            for i, one in enumerate(result.population[:3])
        ]
        return Finalists(chosen, problem=Questioner())


def test_calls_of_finals_are_recorded_and_outside_the_limits(tmp_path: Path) -> None:
    for _ in range(2):
        found = Examined().run(Budget(evaluations=10, calls=0), path=tmp_path)
        assert (found.usage.calls, found.usage.finals_calls) == (0, 6)
        assert found.usage.finals_money == 3.0
        assert len(found.finals) == 3
    said = "3 scored again after the search, with 6 model calls"
    assert said in overview(found.record).text()
