"""Sandbox: the evaluation of a program in processes with limits.

- ``guard``: Starts one evaluation under limits, watches it, and kills all that it started.
- ``judge``: The process of one evaluation: imports the user's evaluator.
- ``limits``: What one evaluation may use.
- ``namespaces``: Takes the network, the machine's processes and writable files away, on Linux.
- ``verdict``: What came of one evaluation.
"""
