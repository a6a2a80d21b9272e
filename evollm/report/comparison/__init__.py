"""Comparisons: runs of one problem beside each other, at equal evaluations.

- ``groups``: Runs with the same configuration except for the seed, and what tells groups apart.
- ``page``: The comparison as a report: tables, curves and tests.
- ``significance``: Whether two groups differ by more than chance.
- ``tracks``: What a run had found and spent by each evaluation.
"""
