"""The reference code's rules, as far as they are followed: what a search like it is made of."""

from dataclasses import replace

from evollm.report.page import Section
from problems.prompts.methods.evolution import Evolution
from problems.prompts.methods.greedy import TAPruning
from problems.prompts.tokens import Mode

MODE: Mode = "text_cleaned"
FOLLOWED = (
    "pruned prompts as decoded text without blanks before punctuation (mode text_cleaned)",
    "survivors by the window of survivors and children (survival window)",
    "only copies of living prompts are not scored (duplicates living)",
    "the prompts at and above the 90th percentile of the search are compared in the end",
    "TAPruning accepts by the ratio to the best score (ratio)",
    "both stages of successive halving weigh the same (equally)",
)
LEFT_OUT = (
    "generators are not seeded from the clock, but from the run's seed",
    "a tie between labels has the margin 0; there it is rewarded in one engine, and right in the "
    "other",
    "each slot of SNLI is filled with its own text; there premise and hypothesis are swapped",
)


def evolution(settings: Evolution) -> Evolution:
    """Return settings of the evolutionary search that follow the reference code."""
    return replace(settings, survival="window", duplicates="living")


def ta_pruning(settings: TAPruning) -> TAPruning:
    """Return settings of TAPruning that follow the reference code."""
    return replace(settings, ratio=True)


def section() -> Section:
    """Return the part of a report that says what is as in the reference code and what is not."""
    lines = ["As there:", *(f"- {one}" for one in FOLLOWED)]
    lines += ["Not as there:", *(f"- {one}" for one in LEFT_OUT)]
    return Section("Like the reference code", text="\n".join(lines))
