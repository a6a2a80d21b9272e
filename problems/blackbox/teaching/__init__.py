"""Fine-tuning data: recorded searches as examples for a model.

- ``examples``: Files of examples for fine-tuning, with one chat of two messages per line.
- ``teacher``: Converts recorded searches to examples for fine-tuning.
- ``trajectory``: The generations and calls of a recorded search of the unit cube.
"""
