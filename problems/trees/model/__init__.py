"""Fitted trees: routing, leaves, objectives and fitness.

- ``arrays``: A tree as arrays, for evaluating all rows at once.
- ``convert``: Conversion of scikit-learn's trees, and initial trees from its CART and random
  forest.
- ``fitness``: The fitness of decision trees on rows, as a problem for the engine.
- ``fitted``: Trees with leaves fitted to rows.
- ``objectives``: Scores of a fitted tree on rows; larger is better, so losses are negated.
- ``pruning``: Removes splits that do not separate any rows.
- ``routing``: The leaf of every row, for one tree or a whole population.
- ``telling``: Ranks columns by how well each separates the targets.
"""
