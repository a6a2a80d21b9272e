"""How fast the offline model is as served, in several precisions and with several threads.

    python -m tests.benchmarks.speed.offline_model [--quick]

Each choice gets a server of its own and the same requests through the ordinary client. Absolute
figures differ between machines; within a run they may be compared. ``short`` is the pattern of an
evolutionary search: prompts of 100 tokens, answers of 12 tokens under a grammar of digits, 8 calls
at a time; ``shared`` asks for 8 samples of each such prompt in one request.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import openai
from numpy.random import Generator

from evollm.llm.offline.lease import Service, cores, lease, leave
from evollm.llm.offline.quantise import Precision, requantise
from evollm.llm.offline.weights import OFFLINE, fetch, pull

STREAMS = 8
DIGITS = 'root ::= ([0-9] [0-9] ","){4}'


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to serve the model."""

    name: str
    file: Path
    threads: int
    spins: str = "1000"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: repeats, and requests a repeat."""

    repeats: int
    long: int
    stories: int
    short: int


QUICK = Effort(repeats=1, long=1, stories=8, short=16)
FULL = Effort(repeats=3, long=2, stories=16, short=40)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every choice and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer choices, under a minute")
    quick = parser.parse_args(arguments).quick
    pulled, raw = pull(OFFLINE.name), fetch(replace(OFFLINE, precision=None))
    with tempfile.TemporaryDirectory() as folder:
        choices = [*few(pulled, raw), *([] if quick else more(pulled, raw, Path(folder)))]
        figures = {
            choice.name: measure(choice, QUICK if quick else FULL, seed)
            for seed, choice in enumerate(choices)
        }
    rates = [figure["short_calls_per_s"] for figure in figures.values()]
    ratio = rates[0] / min(rates)
    print(json.dumps({"choices": figures, "ratio_to_slowest_choice": round(ratio, 2)}))


def few(pulled: Path, raw: Path) -> list[Choice]:
    """Return the default choice, then the weights as shipped, then a single thread."""
    return [
        Choice(f"Q8_0, {cores()} threads", pulled, cores()),
        Choice(f"as shipped (Q4_1), {cores()} threads", raw, cores()),
        Choice("Q8_0, 1 thread", pulled, 1),
        Choice(f"Q8_0, {cores()} threads that sleep at once", pulled, cores(), "0"),
        Choice(f"Q8_0, {cores()} threads that never sleep", pulled, cores(), "infinite"),
    ]


def more(pulled: Path, raw: Path, folder: Path) -> Iterator[Choice]:
    """Yield other precisions, and more threads than cores."""
    precisions: tuple[Precision, ...] = ("Q4_0", "F16")
    for precision in precisions:
        file = folder / f"{precision}.gguf"
        requantise(raw, file, precision)
        yield Choice(f"{precision}, {cores()} threads", file, cores())
    yield Choice(f"Q8_0, {2 * cores()} threads", pulled, 2 * cores())


def measure(choice: Choice, effort: Effort, seed: int) -> dict[str, float]:
    """Return the median rates of a choice, tokens and calls a second."""
    with served(choice) as client:
        rng = np.random.default_rng(seed)
        story(client, 0)
        runs = [run(client, effort, rng) for _ in range(effort.repeats)]
    figures = {key: round(median(run[key] for run in runs), 1) for key in runs[0]}
    print(f"{choice.name}: {figures}", flush=True)
    return figures


@contextmanager
def served(choice: Choice) -> Iterator[openai.OpenAI]:
    """Serve a choice on a server of its own for a ``with`` block."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"EVOLLM_CACHE": folder, "GOMP_SPINCOUNT": choice.spins}
        service = Service(choice.file, threads=choice.threads, grace=0.0)
        address = lease(service)
        with openai.OpenAI(base_url=f"{address.url}/v1", api_key=address.token) as client:
            yield client
        leave(service)


def run(client: openai.OpenAI, effort: Effort, rng: Generator) -> dict[str, float]:
    """Measure each pattern once."""
    long = [rows(rng, 100) for _ in range(effort.long)]
    prompts = [rows(rng, 16) for _ in range(effort.short)]
    shared = prompts[: effort.short // STREAMS]
    eight = partial(rate, streams=STREAMS)
    return {
        "prompt_tokens_per_s": rate(partial(read, client), long),
        "generated_tokens_per_s_1": rate(partial(story, client), range(effort.stories // 4)),
        "generated_tokens_per_s_8": eight(partial(story, client), range(effort.stories)),
        "short_calls_per_s": eight(partial(short, client, 1), prompts),
        "shared_calls_per_s": rate(partial(short, client, STREAMS), [f"0,{p}" for p in shared]),
    }


def rate(work: Callable[..., int], items: Sequence[object], streams: int = 1) -> float:
    """Return how much ``work`` gets done a second, so many calls at a time."""
    with ThreadPoolExecutor(streams) as pool:
        started = time.perf_counter()
        done = sum(pool.map(work, items))
        return done / (time.perf_counter() - started)


def rows(rng: Generator, n: int) -> str:
    """Return ``n`` random points of two coordinates, one a line, six tokens each."""
    return "".join(f"{x:02},{y:02}\n" for x, y in rng.integers(100, size=(n, 2)))


def read(client: openai.OpenAI, prompt: str) -> int:
    """Have a prompt read; return its tokens."""
    answer = client.completions.create(model="offline", prompt=prompt, max_tokens=1)
    assert answer.usage is not None
    return answer.usage.prompt_tokens


def story(client: openai.OpenAI, seed: int) -> int:
    """Have 48 tokens generated; return their number."""
    client.completions.create(
        model="offline",
        prompt="Once",
        max_tokens=48,
        seed=seed,
        extra_body={"ignore_eos": True},
    )
    return 48


def short(client: openai.OpenAI, n: int, prompt: str) -> int:
    """Have ``n`` short answers to a prompt sampled; return ``n``."""
    client.completions.create(
        model="offline", prompt=prompt, max_tokens=12, n=n, extra_body={"grammar": DIGITS}
    )
    return n


if __name__ == "__main__":
    main()
