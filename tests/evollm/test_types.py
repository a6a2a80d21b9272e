"""Records of the engine: what an individual forwards of its candidate and its outcome."""

from dataclasses import fields

from evollm.types import Candidate, Individual, Outcome


def test_an_individual_reads_like_its_candidate_and_its_outcome() -> None:
    candidate = Candidate(7, "abc", (3, 5), "Splice", 2, {"cut": 1})
    outcome = Outcome(1.5, {"size": 3.0})
    individual = Individual(candidate, outcome)
    for field in fields(Candidate):
        assert getattr(individual, field.name) == getattr(candidate, field.name), field.name
    assert (individual.fitness, individual.metrics, individual.error) == (1.5, {"size": 3.0}, None)
    assert Individual(candidate, Outcome(0.0, error="it broke")).error == "it broke"
