"""Ways to choose levels without a search, under the same budget.

- ``fisher``: Errors of levels, weighted by what the loss says of each weight.
- ``knapsack``: The levels with the least sum of errors, by dynamic programming.
- ``owl``: Sparser where few weights stand out.
"""
