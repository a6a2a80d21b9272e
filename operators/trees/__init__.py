"""Decision trees: the genome, its text forms, classical and model-backed variation.

- ``columns``: The columns that trees may test, and their names.
- ``context``: The context of prompts for trees: the task, the columns, and the classes, in short
  lines.
- ``first``: Initial trees from a model that is shown a few examples.
- ``fitting``: Selects the columns in prompts for trees so that they fit into a model's context.
- ``genome``: Decision trees as genomes: frozen records, and pure functions of them.
- ``json``: Trees as JSON, and a JSON schema of trees of bounded depth.
- ``line``: Trees as one line of text: ``(glucose<127.5 (bmi<29.9 0 1) 1)``.
- ``llego``: LLEGO's crossover, guided by fitness, and its mutation, guided by diversity.
- ``prompting``: Prompts for decision trees, and reading of their answers.
- ``reading``: A parser for trees written by a model or a user.
- ``rewriting``: Rewriting of one subtree of the best parent by a model (ours).
- ``variation``: Classical variation of decision trees: random trees, subtree crossover and node
  mutation.
"""
