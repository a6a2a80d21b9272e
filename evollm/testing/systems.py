"""The contract of systems as tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from evollm.report.page import Report
from evollm.report.text import ancestry, summary
from evollm.runtime.budget import Budget
from evollm.runtime.result import Result
from evollm.search.search import Search
from evollm.store import rows
from evollm.store.record import Record
from evollm.system import System

SystemCase: TypeAlias = tuple[Callable[[], System[Any]], int]


class SystemKit:
    """Tests for any system.

    The fixture ``case`` provides a function that creates the system, and the number of evaluations
    of a short run. If the system asks a model, that must be deterministic, like ``Scripted``.
    """

    def test_the_same_seed_asks_the_same_jobs(self, case: SystemCase) -> None:
        """Ask two searches with the same seed for their first jobs."""
        make, _ = case
        first, again = (_first_jobs(make(), 3) for _ in range(2))
        assert first == again

    def test_a_run_goes_on_where_its_record_stops(self, case: SystemCase, tmp_path: Path) -> None:
        """Run to a third of the budget, then resume; compare with an uninterrupted run."""
        make, evaluations = case
        whole = _run(make(), evaluations, tmp_path / "whole")
        _run(make(), max(1, evaluations // 3), tmp_path / "parts")
        parts = _run(make(), evaluations, tmp_path / "parts")
        assert _recorded(parts) == _recorded(whole)
        assert parts.best.id == whole.best.id  # type: ignore[union-attr]
        assert [one.fitness for one in parts.finals] == [one.fitness for one in whole.finals]

    def test_finalists_are_scored_once_and_counted_apart(
        self, case: SystemCase, tmp_path: Path
    ) -> None:
        """Repeat a finished run: nothing is evaluated, and no limit counts the finals."""
        make, evaluations = case
        first = _run(make(), evaluations, tmp_path)
        again = _run(make(), evaluations, tmp_path)
        assert first.usage.evaluations == again.usage.evaluations <= evaluations
        assert again.usage.finals == first.usage.finals == len(first.finals)

    def test_the_record_explains_itself(self, case: SystemCase, tmp_path: Path) -> None:
        """Read units, texts and the chosen individual from the record."""
        make, evaluations = case
        system = make()
        result = _run(system, evaluations, tmp_path)
        chosen = system.choose(result)
        with Record(tmp_path, write=False) as record:
            assert set(record.get("units")) == set(system.units)
            assert record.get("chosen") == chosen.id
            assert all(isinstance(one.text, str) for one in rows.evaluations(record))
            units = system.units["fitness"]
            assert units.name in summary(record)
            assert units.text(result.best.fitness) in summary(record)  # type: ignore[union-attr]
            assert ancestry(record, chosen.id).startswith(f"{chosen.id}: {units.name}")

    def test_units_go_both_ways(self, case: SystemCase) -> None:
        """Convert a number of the engine to the user's value and back."""
        make, _ = case
        system = make()
        assert "fitness" in system.units
        for units in system.units.values():
            assert abs(units.fitness(units.value(0.3)) - 0.3) < 1e-9
            assert (units.value(0.4) > units.value(0.3)) == units.maximize

    def test_the_report_is_data_that_can_be_shown(self, case: SystemCase) -> None:
        """Render the report as text and as HTML."""
        make, evaluations = case
        system = make()
        report = system.report(system.run(Budget(evaluations=evaluations)))
        assert isinstance(report, Report)
        assert system.units["fitness"].name in report.text()
        assert report._repr_html_().startswith("<h3>")

    def test_what_is_exported_lies_in_the_folder(self, case: SystemCase, tmp_path: Path) -> None:
        """Export the chosen individual."""
        make, evaluations = case
        system = make()
        files = system.export(system.run(Budget(evaluations=evaluations)), tmp_path)
        assert all(file.is_file() and file.is_relative_to(tmp_path) for file in files)

    def test_controls_search_the_same_problem(self, case: SystemCase) -> None:
        """Run each control for a few evaluations."""
        make, evaluations = case
        for control in make().controls().values():
            assert isinstance(control, System)
            found = control.run(Budget(evaluations=max(2, evaluations // 3)))
            assert found.usage.evaluations > 0
            assert found.usage.calls == 0

    def test_the_settings_can_be_recorded(self, case: SystemCase) -> None:
        """Write the configuration as JSON."""
        make, _ = case
        assert json.loads(json.dumps(dict(make().config(7))))["seed"] == 7


def _run(system: System[Any], evaluations: int, path: Path) -> Result[Any]:
    return system.run(Budget(evaluations=evaluations), seed=3, path=path)


def _recorded(found: Result[Any]) -> list[tuple[Any, ...]]:
    return [
        (one.candidate, one.operator, one.parents, one.fitness, one.text)
        for one in rows.evaluations(found.record)
    ]


def _first_jobs(system: System[Any], jobs: int) -> list[Any]:
    flow = system.flow(3)
    search = flow if isinstance(flow, Search) else Search(flow)
    asked = [ticket.job for ticket in search.ask()]
    return [(type(job).__name__, job.seed, job.step) for job in asked[:jobs]]
