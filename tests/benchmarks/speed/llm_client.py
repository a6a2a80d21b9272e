"""What the client layer costs: against the bare client, and when it replays from the cache.

``python -m tests.benchmarks.speed.llm_client [--quick]``; both clients send 200 requests at once to
a local server that answers each after 5 ms. They are timed in turn, several times, each with its
connections kept; the ratio is the median. Then 64 lanes of a search ask one prompt in each of ten
steps, of a server in a process of its own that answers after 200 ms: ``lanes_ratio`` is the median
of the time that they take over the ten answers' 2 s.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

from evollm import Search, run
from evollm.llm.base import Sampling
from evollm.llm.client.answers import Answer
from evollm.llm.client.cache import open_cache
from evollm.llm.client.endpoint import Endpoint
from evollm.llm.client.requests import Ask
from evollm.llm.client.settings import Settings
from evollm.search.flow import Flow, evaluate, vary
from evollm.types import Offspring, Parent
from tests.evollm.llm.support_faulty import Act, Seen, Server, echo

CALLS, DELAY_S = 200, 0.005
REPLAYED = 10_000
LANES, STEPS, ANSWER_S = 64, 10, 0.2
SERVER = """
import time
from tests.benchmarks.speed.llm_client import ANSWER_S
from tests.evollm.llm.support_faulty import Act, Server, echo
with Server(lambda seen: Act(echo(seen).body, delay_s=ANSWER_S)) as server:
    print(server.url, flush=True)
    time.sleep(600)
"""


def answer(seen: Seen) -> Act:
    """Echo after the time that a quick endpoint needs."""
    return Act(echo(seen).body, delay_s=DELAY_S)


async def bare(client: AsyncOpenAI, prompts: list[str]) -> None:
    """Ask with the openai package alone, all at once."""
    create = client.chat.completions.create
    await asyncio.gather(
        *(
            create(
                model="m",
                messages=[{"role": "user", "content": prompt}],
                max_tokens=512,
                temperature=1.0,
            )
            for prompt in prompts
        )
    )


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(repeats: int, folder: Path) -> tuple[list[float], list[float]]:
    """Return the seconds of the bare client and of ours, timed in turn; every answer is new."""
    settings = Settings(cache=folder / "compared", concurrency=CALLS)
    ours, theirs = [], []
    with Server(answer) as server, asyncio.Runner() as runner:
        model = Endpoint("m", base_url=server.url, settings=settings)
        client = AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0)
        for repeat in range(-1, repeats):
            prompts = [f"{repeat}: {i}" for i in range(CALLS)]
            theirs.append(seconds(lambda: runner.run(bare(client, prompts))))  # noqa: B023
            ours.append(seconds(lambda: model.complete(prompts)))  # noqa: B023
        runner.run(client.close())
    return theirs[1:], ours[1:]


def replay(repeats: int, folder: Path) -> list[float]:
    """Return the seconds to answer many prompts of about a page from the cache."""
    settings = Settings(cache=folder / "replayed", identity="replayed")
    model = Endpoint("m", base_url="http://127.0.0.1:9/v1", settings=settings)
    prompts = [f"{i}: {'a page of words ' * 60}" for i in range(REPLAYED)]
    cache = open_cache(folder / "replayed")
    kept = Answer("an answer of some words " * 10, finish="stop", prompt_tokens=250)
    cache.add({Ask("m", "replayed", prompt, Sampling()).key: kept for prompt in prompts})
    return [seconds(lambda: model.complete(prompts)) for _ in range(repeats)]


@dataclass(frozen=True)
class Asking:
    """Makes a child of an answer of a model.

    Attributes:
        model: Who is asked.
    """

    model: Endpoint
    io_bound = True

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[str]:
        """Ask one prompt."""
        answers = self.model.complete([f"{seed}"])
        return Offspring([answers[0][0].text])


def lanes(repeats: int) -> list[float]:
    """Return how long 64 lanes take for ten steps each, over the time of ten answers."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        try:
            url = server.stdout.readline().strip()
            settings = Settings(cache=None, concurrency=LANES)
            model = Endpoint("m", base_url=url, settings=settings)
            model.complete([f"warm {i}" for i in range(LANES)])
            return [seconds(lambda: _searched(model)) / (STEPS * ANSWER_S) for _ in range(repeats)]
        finally:
            server.kill()


def _searched(model: Endpoint) -> None:
    def lane(number: int) -> Flow:
        for step in range(STEPS):
            child = yield from vary(Asking(model), [], 1, seed=number * STEPS + step, step=step)
            yield from evaluate(child, step=step)

    found = run(Search(*[lane(number) for number in range(LANES)]), lambda text: float(len(text)))
    assert found.usage.calls == found.usage.evaluations == LANES * STEPS


def main() -> None:
    """Print the figures; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer repeats: under a minute")
    repeats = 5 if parser.parse_args().quick else 15
    with tempfile.TemporaryDirectory() as name:
        theirs, ours = compare(repeats, Path(name))
        replays = replay(3 if repeats == 5 else 7, Path(name))
    crowded = lanes(3 if repeats == 5 else 7)
    ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
    print(f"bare client: {CALLS} calls in {statistics.median(theirs):.3f} s (median of {repeats})")
    print(f"evollm:      {CALLS} calls in {statistics.median(ours):.3f} s")
    figures = {
        "calls": CALLS,
        "bare_s": round(statistics.median(theirs), 4),
        "evollm_s": round(statistics.median(ours), 4),
        "ratio_to_bare_client": round(statistics.median(ratios), 3),
        "replay_10k_s": round(statistics.median(replays), 3),
        "lanes_ratio": round(statistics.median(crowded), 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
