"""Short runs of the trees command with a scripted model, for tests."""

import hashlib

import numpy as np

from evollm import Budget, run
from evollm.llm.scripted import Scripted
from problems.trees.command import COMMAND, Options

ANSWERS = [
    "(glucose<127.5 0 1)",
    "(glucose<127.5 (body_mass_index<29.9 0 1) 1)",
    "(age<28.5 0 (glucose<99 0 1))",
    "(sugar<1 0 1)",
    "(glucose<127.5 (age<30 (age<20 0 1) 1) 1)",
    "no tree at all",
]
SMALL = Options(population=4, max_depth=2)


def answer(prompt, sample, sampling):
    """Say one of the answers, a pure function of the request."""
    drawn = hashlib.sha256(f"{prompt}/{sampling.seed}".encode()).digest()
    return ANSWERS[drawn[0] % len(ANSWERS)]


def planned(options, seed=1, model=answer):
    return COMMAND.plan(options, lambda: Scripted(model), seed)


def ran(plan, path=None, generations=2):
    return run(plan.flow, plan.problem, budget=Budget(generations=generations), path=path)


def lines(text, title):
    return [line[14:] for line in text.splitlines() if line[:14].rstrip() == title]


def mine(folder):
    """Write a CSV file of numbers, categories, and targets of both kinds."""
    rng = np.random.default_rng(0)
    size, colour = rng.uniform(0, 10, 200), rng.choice(["red", "green", "blue"], 200)
    cost = size * 2 + (colour == "red") * 5 + rng.normal(0, 0.1, 200)
    label = np.where(cost > 12, "dear", "cheap")
    path = folder / "mine.csv"
    body = "\n".join(f"{s:.3f},{c},{v:.3f},{n}" for s, c, v, n in zip(size, colour, cost, label))  # noqa: B905
    path.write_text(f"Size cm,Colour,Cost,Label\n{body}\n")
    return path
