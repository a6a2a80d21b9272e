"""The progress display, watching real runs."""

import io
import re

from evollm import Budget, run
from evollm.llm.scripted import Scripted
from evollm.report.progress import Progress, cost
from evollm.runtime.budget import Usage
from problems.blackbox import EvoLLM
from tests.evollm.support_parts import Sphere, plain


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_whole_lines_and_the_last_is_the_end() -> None:
    out = io.StringIO()
    found = run(plain(1), Sphere(), budget=Budget(40), callbacks=[Progress("{:.3f}".format, out)])
    text = out.getvalue()
    assert "\r" not in text
    assert text.endswith("\n")
    last = text.splitlines()[-1]
    assert f"best {found.fitness:.3f}" in last
    assert "evaluations 40/40" in last
    assert "calls" not in last


def test_a_terminal_has_one_live_line() -> None:
    out = Terminal()
    run(plain(1), Sphere(), budget=Budget(40), callbacks=[Progress(str, out)])
    text = out.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    shown = text.split("\r\x1b[K")
    assert shown[0] == ""
    assert "evaluations 40/40" in shown[-1]


def test_calls_tokens_cost_and_failures_are_shown() -> None:
    out = io.StringIO()
    model = Scripted(lambda prompt, sample, options: "40,60")
    system = EvoLLM(lambda x: 1 / max(0, x[0]), [(-5, 5)] * 2, model=model)
    found = system.run(Budget(calls=12), callbacks=[Progress(str, out)])
    last = out.getvalue().splitlines()[-1]
    assert "calls 12/12" in last
    assert f"tokens {found.usage.tokens:,g}" in last
    assert f"failed {found.usage.failed}" in last
    assert "cost 0" in last
    assert re.search(r"generation \d+ ", last)


def test_an_unknown_price_is_unknown() -> None:
    assert cost(Usage(money=None)) == "unknown"
    assert cost(Usage(money=0.12345)) == "0.1235"
