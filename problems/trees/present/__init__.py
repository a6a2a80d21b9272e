"""What is shown of trees and of searches for them.

- ``drawing``: A drawing of a tree, as a picture in a file.
- ``export``: Rules in words, JSON, Graphviz's DOT and a Python function; and JSON back.
- ``pictures``: Pictures of searches for trees: a Pareto front, and how efficient methods are.
- ``report``: The tree that it chose, as text and as files, and how it came.
- ``tally``: How a search for trees went: what each operator made, what was rejected, what came
  twice.
"""
