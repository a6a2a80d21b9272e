"""Fine-tuning data: recorded searches as examples for a model.

- ``examples``: Examples for fine-tuning a model as recombination operator, one chat of two
  messages a line.
- ``teacher``: What any recorded search did next, as examples for fine-tuning.
- ``trajectory``: A recorded search of the unit cube, read back as generations and as calls.
"""
