"""Reports: what a run directory holds, and studies of many runs, as text and as figures.

- ``cells``: The finished runs of a study, one JSON object per line.
- ``plots``: Figures: sizes, colours, line styles; curves of one run and of several methods.
- ``progress``: One live line on a terminal, one line a generation elsewhere.
- ``study``: A table of runs whose cells are filled in, kept and reported by one command.
- ``tables``: One line for each method on each problem, over its seeds, as Markdown.
- ``text``: What a run directory holds, for ``evollm show``.
"""
