"""Fitted trees: routing, leaves, objectives and fitness.

- ``arrays``: One tree as arrays, for rows that walk it all at once.
- ``convert``: Conversion of scikit-learn's trees, and a start from its CART and its random forest.
- ``fitness``: The fitness of decision trees on rows, as a problem for the engine.
- ``fitted``: A tree with what its leaves know of the rows that they were fitted to.
- ``objectives``: How good a fitted tree is on some rows; larger is better, so losses are negated.
- ``pruning``: Splits that tell no rows apart are taken out of a tree.
- ``routing``: Which leaf every row comes to, for one tree or for a whole population.
- ``telling``: Which ones tell the targets apart best, each taken alone.
"""
