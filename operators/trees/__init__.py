"""Decision trees: the genome, its text forms, classical and model-backed variation.

- ``columns``: What trees may ask about, and how they are called.
- ``context``: The context of prompts for trees: the task, the columns, and the classes, in short
  lines.
- ``first``: First trees from a model that is shown a few examples.
- ``fitting``: Which columns prompts for trees show, so that they fit into a model's context.
- ``genome``: Decision trees as genomes: frozen records, and pure functions of them.
- ``json``: Trees as JSON, and the schema that holds a model's answer to a bounded depth.
- ``line``: Trees as one line of text: ``(glucose<127.5 (bmi<29.9 0 1) 1)``.
- ``llego``: LLEGO's crossover, guided by fitness, and its mutation, guided by diversity.
- ``prompting``: How a model is asked for decision trees: the common part of prompts, and reading
  answers.
- ``reading``: Reading trees that a model or a user wrote: checked piece by piece, and never run.
- ``rewriting``: One subtree of the best parent, rewritten by a model that sees the others: ours,
  and cheap.
- ``variation``: Classical variation of decision trees: random trees, subtree crossover and node
  mutation.
"""
