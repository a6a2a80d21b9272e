"""Reports as HTML: elements that escape what they hold, charts as SVG, and the live page.

- ``blocks``: Facts, tables, texts and lineages as elements.
- ``charts``: Curves and distributions as SVG that fits any width.
- ``document``: A report as one HTML page that needs nothing else.
- ``elements``: HTML elements, built as a tree so that every text is escaped.
- ``live``: The server of a page that follows a run.
- ``scales``: Axes: positions of values, and few round ticks.
- ``thumbnails``: Curves as small SVG pictures, for notebooks.
"""
