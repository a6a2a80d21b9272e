"""Short runs of the trees command with a scripted model, for tests."""

import hashlib

import numpy as np

from evollm import Budget
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


def system_of(options, model=answer):
    return COMMAND.system(options, lambda prepare=None: Scripted(model))


def ran(system, path=None, generations=2, seed=1):
    return system.run(Budget(generations=generations), seed=seed, path=path)


def section(report, title):
    """Return the one section of a report that has a title."""
    [found] = [section for section in report.sections if section.title == title]
    return found


def rows_of(report, title):
    """Return the rows of a section's table, each by the names of its columns."""
    [table] = section(report, title).tables
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def faults(report, kind):
    """Return how often a report tells of each reason for what was "rejected" or "failed"."""
    found = rows_of(report, "Faults")
    return {row["reason"]: row["times"] for row in found if row["what"] == kind}


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
