"""What is shown of trees and of searches for them.

- ``drawing``: A drawing of a tree, as a picture in a file.
- ``export``: Rules in words, JSON, Graphviz's DOT and a Python function; and JSON back.
- ``pictures``: The picture of a Pareto front of trees.
- ``report``: The tree that it chose, as text and as files, and how it came.
- ``tally``: How a search for trees went: what each operator made, what was rejected, what came
  twice.
"""
