"""The adapter that teaches the offline model to write better decision trees, with its record.

- ``trees.gguf``: Low-rank matrices for the offline model, in float16; ours, under Apache-2.0.
- ``trees.json``: Its SHA-256, the settings of its training, and the losses on the way.
- ``adapters``: Which adapter a search uses, and how a taught model is asked.
- ``tune``: ``evollm tune trees``.
"""
