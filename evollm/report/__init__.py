"""Reports: what a run directory holds, as text and as plots.

- ``page``: Sections of facts, tables and curves, rendered as text or as HTML.
- ``plots``: Best-so-far curves, of one run or of several methods side by side.
- ``progress``: One live line on a terminal, one line a generation elsewhere.
- ``sections``: Sections that every report may have, read from a run's record alone.
- ``text``: What a run directory holds, for ``evollm show``.
"""
