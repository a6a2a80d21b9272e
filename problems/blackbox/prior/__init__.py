"""A prior over functions: made-up searches whose optimum is known, to teach a model.

- ``landscapes``: Random functions of several families.
- ``teacher``: Examples for training: rows of a search in a frame, and the optimum as the answer.
- ``trajectories``: Examples from other optimisers: the points so far, and where they go next.
- ``walks``: Simulated searches on such functions.
"""
