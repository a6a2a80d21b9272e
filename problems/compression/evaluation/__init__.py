"""How much a compressed model differs from the whole one, computed once for what candidates share.

- ``divergence``: Kullback-Leibler divergence and likelihood by position, over the full vocabulary.
- ``scorer``: The candidates of a stage scored side by side.
- ``stitched``: A model whose layers have levels, swapped by pointer.
- ``teacher``: What the whole model says of each window, computed once.
- ``trie``: Candidates computed from the block in which they differ.
"""
