"""Presentation of trees and of searches for them.

- ``drawing``: Draws a tree to a file.
- ``export``: Exports of trees as rules, JSON, Graphviz's DOT and a Python function; import of JSON.
- ``pictures``: The figure of a Pareto front of trees.
- ``report``: The report and the files of a search for trees.
- ``tally``: Statistics of a search for trees: children per operator, rejections, duplicates.
"""
