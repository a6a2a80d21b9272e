"""The run directory: a record that survives a kill and from which a run resumes.

- ``codec``: Genomes and notes as SQLite values and back, without pickle.
- ``committer``: Commits recorded rows while their writer is busy.
- ``families``: The births, scores and model calls of candidates, for lineages.
- ``folder``: The lock of a run directory, for one writing process at a time.
- ``glance``: What run directories contain, in a line each.
- ``notes``: Rows that a run collects until they are committed together.
- ``queries``: The contents of a record as objects of the engine.
- ``record``: One SQLite database with every job, candidate, outcome and call.
- ``rows``: Evaluations, calls and counts of a record, for tables and reports.
- ``schema``: The record's tables, and the check that this code can read them.
- ``spending``: The tokens and money that a run had spent by each of its evaluations.
- ``steps``: What each answer on record added to a run's counts, for experiment trackers.
"""
