"""Reports: what a run directory holds, as text and as plots.

- ``plots``: Best-so-far curves, of one run or of several methods side by side.
- ``progress``: One live line on a terminal, one line a generation elsewhere.
- ``text``: What a run directory holds, for ``evollm show``.
"""
