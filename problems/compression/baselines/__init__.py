"""Ways to choose levels without a search, under the same budget.

- ``depth``: Which sublayers to drop, by similarity of states or perplexity.
- ``fisher``: Errors of levels, weighted by what the loss says of each weight.
- ``greedy``: One level lower at a time, where the divergence rises least.
- ``knapsack``: The levels with the least sum of errors, by dynamic programming.
- ``owl``: Sparser where few weights stand out.
- ``ruled``: A rule as a system, in place of a search.
- ``rules``: Rules by name, and what each is given.
"""
