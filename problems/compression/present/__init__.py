"""A run of EvoPress described.

- ``beside``: What rules choose at equal bytes, measured on the same held-out text.
- ``curves``: Figures: convergence, and a front of bytes against divergence.
- ``map``: The picture of a level map: blocks by projections.
- ``report``: The report, and the files.
"""
