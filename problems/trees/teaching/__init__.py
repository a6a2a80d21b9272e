"""Examples of improved decision trees, to teach a model to be LLEGO's operators.

- ``searches``: Searches by classical operators, with all of their generations.
- ``tables``: Random tables of numbers and categories with a target that depends on some of them.
- ``teacher``: Prompts of LLEGO's operators, and better trees as the answers.
"""
