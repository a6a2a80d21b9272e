"""The interface for users of SciPy and pycma.

- ``earlier``: The best points of an earlier run, as the first points of a new one.
- ``minimizing``: ``minimize`` and ``maximize``.
- ``seeds``: Every batch of a search is evaluated with a seed of its own.
"""
