"""Text: classical and model-backed variation.

- ``prompting``: A language model as variation of anything that can be written down: mutation and
  crossover.
- ``variation``: Classical variation of text: random edits and splices, a control for what a model
  adds.
"""

from operators.text.variation import EditText, SpliceText

__all__ = [
    "EditText",
    "SpliceText",
]
