"""How large the page of a run of 10,000 candidates is, and how soon it can be used.

``python -m tests.benchmarks.speed.report [--quick]``. A steady search with two operators, one of
which asks a scripted model, is recorded by the engine; its page is written by ``evollm report``.
A headless Chromium then opens the page several times: ``seconds_to_usable`` is the median time from
the call until the lineage is drawn, a click has unfolded a candidate's prompt, and the browser has
painted it. It is null where there is no Chromium.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from evollm import Budget, Offspring, Outcome, operator, run
from evollm.algorithms import Mating, generational
from evollm.cli.main import main as evollm
from evollm.llm.scripted import Scripted
from evollm.types import Parent
from tests.support_browser import browser, chromium

CANDIDATES, SIZE, LETTERS = 10_000, 100, 40
GOAL = "weasels are like whales but drier by far"
PROMPT = "Improve this sentence, and change as little of it as you can. " * 20


@operator
def sentence(parents: Sequence[str], rng: np.random.Generator) -> str:
    """Draw letters."""
    return "".join(chr(97 + letter) for letter in rng.integers(0, 26, LETTERS))


@operator
def splice(parents: Sequence[str], rng: np.random.Generator) -> str:
    """Take one parent's beginning and another one's end."""
    one, other = parents
    cut = int(rng.integers(LETTERS))
    return one[:cut] + other[cut:]


@dataclass(frozen=True)
class Rewrite:
    """Asks a model for a child of one parent.

    Attributes:
        model: Who is asked.
    """

    model: Scripted

    def vary(self, parents: Sequence[Parent[str]], n: int, seed: int) -> Offspring[str]:
        """Ask once per child."""
        prompts = [f"{PROMPT}\n{parents[i % len(parents)].genome}\n{seed + i}" for i in range(n)]
        answers = [found[0] for found in self.model.complete(prompts)]
        return Offspring([one.text for one in answers], calls=[(one.key,) for one in answers])


def answer(prompt: Any, sample: int, sampling: Any) -> str:
    """Return the sentence of a prompt with another letter, as the number below it says."""
    *_, text, number = prompt.splitlines()
    rng = np.random.default_rng(int(number))
    place = int(rng.integers(LETTERS))
    return f"{text[:place]}{GOAL[place] if rng.random() < 0.3 else 'z'}{text[place + 1 :]}"


@dataclass(frozen=True)
class Alike:
    """Counts the letters that are as in the goal."""

    elementwise = True

    def evaluate(self, genomes: Any, fidelity: Any, seed: int) -> list[Outcome]:
        """Score sentences one by one."""
        return [
            Outcome(float(sum(one == other for one, other in zip(genome, GOAL, strict=True))))
            for genome in genomes
        ]


def recorded(path: Path, candidates: int) -> None:
    """Record a run of that many candidates."""
    ways = [Mating(splice, arity=2), Mating(Rewrite(Scripted(answer)), arity=1)]
    flow = generational(sentence, ways, size=SIZE, seed=1)
    run(flow, Alike(), budget=Budget(candidates), path=path)


def usable(page: Path, repeats: int) -> list[float]:
    """Return the seconds from opening a page until a candidate's prompt is painted."""
    found = []
    with browser() as chrome:
        for _ in range(repeats):
            tab = chrome.new_page(viewport={"width": 1280, "height": 900})
            began = time.perf_counter()
            tab.goto(page.as_uri(), wait_until="commit")
            tab.click(".who >> nth=1")
            tab.wait_for_selector(".detail pre")
            tab.evaluate(
                "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
            )
            found.append(time.perf_counter() - began)
            tab.close()
    return found


def main() -> None:
    """Print the figures; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    repeats = 3 if parser.parse_args().quick else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        recorded(folder, CANDIDATES)
        print(f"recorded {CANDIDATES} candidates in {time.perf_counter() - began:.1f} s")
        began = time.perf_counter()
        with redirect_stdout(StringIO()):
            assert evollm(["report", str(folder)]) == 0
        written = time.perf_counter() - began
        page = folder / "report.html"
        size = page.stat().st_size / 1e6
        print(f"the page of {size:.2f} MB was written in {written:.1f} s")
        seconds = statistics.median(usable(page, repeats)) if chromium() else None
    figures = {
        "page_mb": round(size, 2),
        "seconds_to_write": round(written, 2),
        "seconds_to_usable": None if seconds is None else round(seconds, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
