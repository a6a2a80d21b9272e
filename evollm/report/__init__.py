"""Reports: what a run directory holds, as text and as plots.

- ``cells``: The finished runs of a study, one JSON object per line.
- ``page``: Sections of facts, tables and curves, rendered as text or as HTML.
- ``plots``: Their sizes, colours and line styles; curves of one run and of several methods.
- ``progress``: One live line on a terminal, one line a generation elsewhere.
- ``sections``: Sections that every report may have, read from a run's record alone.
- ``study``: A table of runs whose cells are filled in, kept and reported by one command.
- ``tables``: One line for each method on each problem, over its seeds, as Markdown.
- ``text``: What a run directory holds, for ``evollm show``.
"""
