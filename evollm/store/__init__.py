"""The run directory: a record that survives a kill and from which a run goes on.

- ``codec``: Genomes and notes as SQLite values and back, without pickle.
- ``committer``: Makes durable what was noted while its writer is busy with something long.
- ``folder``: One process at a time writes to it.
- ``notes``: Rows that a run gathers until they are committed together.
- ``queries``: What a record holds, read back as the engine's own objects.
- ``record``: One SQLite database with every job, candidate, outcome and call.
- ``rows``: Evaluations, calls and counts as a record holds them, for tables and reports.
- ``schema``: The record's tables, and the check that this code can read them.
"""
