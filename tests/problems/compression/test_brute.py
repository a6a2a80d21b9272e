"""Brute force: the search finds the best way to drop two of six blocks, with every seed."""

from pathlib import Path
from typing import Any

from problems.compression.brute import Options, main, problem_of, searched, table
from tests.problems.compression.support_search import Made, make


def test_every_seed_finds_the_best_pair(tmp_path: Path, capsys: Any) -> None:
    made = make(tmp_path, blocks=6)
    options = ["--model", made.model, "--text", made.text.text, "--held-out-tokens", "96"]
    options += ["--held-out", str(made.text.held_out), "--tokens", "96", "--window", "24"]
    assert main([*options, "--offspring", "4", "--generations", "20"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("15 ways to drop 2 blocks, on 96 tokens\n1. blocks ")
    assert said.count("; rank 1\n") == 3


def test_a_search_that_is_too_short_is_told_from_one_that_finds_it(tiny: Made) -> None:
    options = Options(tiny.model, 2, 96, 24, generations=1, offspring=1, text=tiny.text)
    problem = problem_of(options)
    known = table(problem)
    assert len(known) == 6
    found = [searched(problem, known, options, seed) for seed in range(6)]
    assert any(one.dropped != min(known, key=lambda way: known[way]) for one in found)
    assert all(one.divergence == known[one.dropped] for one in found)


def test_too_many_ways_and_too_few_blocks_are_refused(tiny: Made, capsys: Any) -> None:
    assert main(["--model", tiny.model, "--dropped", "4"]) == 1
    assert "dropped must be less than the 4 blocks, not 4" in capsys.readouterr().err
