"""How much a compressed model differs from the whole one, computed once for what candidates share.

- ``divergence``: Kullback-Leibler divergence and likelihood by position, over the full vocabulary.
- ``memory``: How much is computed together, by the memory that is free.
- ``scorer``: The candidates of a stage scored side by side.
- ``stage``: Which candidates of a stage are computed on which windows.
- ``stitched``: A model whose layers have levels, swapped by pointer.
- ``teacher``: What the whole model says of each window, computed once.
- ``trie``: Candidates computed from the block in which they differ, side by side where they agree.
"""
