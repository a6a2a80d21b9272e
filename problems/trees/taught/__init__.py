"""A model taught to write better decision trees.

- ``adapters``: How a taught model is asked.
- ``tune``: ``evollm tune trees``.
"""
