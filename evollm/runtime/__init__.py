"""The runtime: carries a search's jobs to workers and back, within a budget and on record.

- ``accounts``: The ledger of one job, through which its calls are reserved and recorded.
- ``ask_tell``: A search whose evaluations are made in the user's own loop.
- ``budget``: What a run may spend, and the meter that enforces it.
- ``causes``: Why no child or answer was usable, read from the record, with advice.
- ``driver``: Sends jobs to an executor and answers to the search, within a budget.
- ``evaluations``: Evaluations that are sent to workers in chunks and retried after a failure.
- ``finals``: The evaluation of a few finalists after the search has stopped.
- ``intake``: Turns what problems and operators return into values that a record can hold.
- ``journal``: Writes a run's jobs and answers into its record, and replays them.
- ``loop``: ``run``, which runs a search to its end, or continues it from its record.
- ``result``: What a run found, what it spent, and why it stopped.
- ``stops``: When a search ends, by what it has spent and what it has found.
- ``variation``: Runs operators, in separate threads if they mostly wait for a model.
- ``yields``: A warning about an operator that makes no children, even if other operators do.
"""
