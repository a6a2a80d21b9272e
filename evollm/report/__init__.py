"""Reports: the contents of run directories as text, tables and figures.

- ``cells``: The finished runs of a study, one JSON object per line.
- ``comparison``: Runs of one problem beside each other, at equal evaluations.
- ``page``: Sections of facts, tables and curves, rendered as text or as HTML.
- ``plots``: Figures: sizes, colours and line styles; curves of one run or several methods.
- ``progress``: The progress display: a live line on a terminal, one line per generation elsewhere.
- ``sections``: Sections of reports that are read from a run's record.
- ``sparklines``: Curves as lines of block characters.
- ``study``: A table of runs whose cells are filled in, kept and reported by one command.
- ``tables``: Markdown tables with one line per method and problem, over its seeds.
- ``text``: The text report of a run directory, for ``evollm show``.
"""
