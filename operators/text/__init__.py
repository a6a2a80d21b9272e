"""Text: classical and model-backed variation.

- ``prompting``: Mutation and crossover by a language model, for anything that can be written as
  text.
- ``variation``: Classical variation of text: random edits and splices, as a control without a
  model.
"""

from operators.text.variation import EditText, SpliceText

__all__ = [
    "EditText",
    "SpliceText",
]
