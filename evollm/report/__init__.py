"""Reports: the contents of run directories as text, tables and figures.

- ``calls``: The model calls of a run: how many, how long they took, what they cost.
- ``cells``: The finished runs of a study, one JSON object per line.
- ``compact``: The compact display of a run, for a notebook.
- ``comparison``: Runs of one problem beside each other, at equal evaluations.
- ``curves``: Curves of one run: the best so far, and the diversity of its generations.
- ``history``: The history of a run: its folder, its configuration, its starts and stops.
- ``html``: Reports as pages: elements, charts, thumbnails, and the live page.
- ``lineage``: The lineage of a candidate, down to the prompts and answers that made it.
- ``page``: Sections of facts, tables, curves and lineages, rendered as text or as HTML.
- ``plots``: Figures: sizes, colours and line styles; curves of one run or several methods.
- ``progress``: The progress display: a live line on a terminal, one line per generation elsewhere.
- ``sections``: Sections of reports that are read from a run's record.
- ``sparklines``: Curves as lines of block characters.
- ``study``: A table of runs whose cells are filled in, kept and reported by one command.
- ``tables``: Markdown tables with one line per method and problem, over its seeds.
- ``text``: The text report of a run directory, for ``evollm show``.
"""
