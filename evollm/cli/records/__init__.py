"""Commands that read the records of runs.

- ``compare``: ``evollm compare``: runs of one problem beside each other.
- ``report``: ``evollm report`` and ``evollm watch``: a run as a page, in a file or live.
- ``runs``: ``evollm runs``: the run directories in a folder, in a line each.
- ``show``: ``evollm show``: what one run directory contains.
- ``terminal``: Reports on a terminal, with colours where ``rich`` is installed, or as plain text.
"""
