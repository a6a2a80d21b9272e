"""The progress bar, watching real runs."""

import io
from pathlib import Path

from evollm import Budget, run
from evollm.callbacks import Bar
from tests.evollm.callbacks.support_runs import search
from tests.evollm.support_parts import Sphere, plain


def test_the_bar_ends_full_and_stands_beside_value_failures_and_calls() -> None:
    out = io.StringIO()
    found = search(60, None, [Bar(file=out, ncols=120, desc="bowl")])
    first, *_, last = out.getvalue().strip().split("\r")
    assert first.startswith("bowl:   0%")
    assert "| 60/60 [" in last
    assert f"best {-found.fitness:.6g}, {found.usage.failed} failed, " in last
    assert f"{found.usage.calls} calls, cost 0" in last


def test_a_bar_goes_on_where_the_record_ends_and_serves_the_next_run(tmp_path: Path) -> None:
    out = io.StringIO()
    bar = Bar(file=out, ncols=120)
    run(plain(1), Sphere(), budget=Budget(generations=2), path=tmp_path, callbacks=[bar])
    run(plain(1), Sphere(), budget=Budget(generations=4), path=tmp_path, callbacks=[bar])
    run(plain(1), Sphere(), budget=Budget(generations=4), path=tmp_path, callbacks=[bar])
    bars = [one.strip().split("\r") for one in out.getvalue().strip().split("\n")]
    assert ["| 2/2 [" in shown[-1] for shown in bars] == [True, False, False]
    assert "50%" in bars[1][0]
    assert all("| 4/4 [" in shown[-1] for shown in bars[1:])
