"""The runtime: carries a search's jobs to workers and back, within a budget and on record.

- ``accounts``: The ledger through which its calls are reserved and recorded.
- ``ask_tell``: The user's own loop evaluates, with budgets, record and resume as in ``run``.
- ``budget``: What a run may spend, and the meter that holds it to that.
- ``causes``: Why nothing could be used of what was asked for, from the record, with fitting
  advice.
- ``driver``: Carries jobs to an executor and answers back, within a budget and on record.
- ``evaluations``: Evaluations on their way to the workers, cut into chunks and tried again.
- ``finals``: A few candidates scored once more when the search has stopped.
- ``intake``: What problems and operators return, turned into what a record can keep.
- ``loop``: One call that runs a search to its end, or on from where its record stops.
- ``result``: What was found, what it took, and why it stopped.
- ``stops``: When a search has gone far enough, by what it spent and by what it found.
- ``variation``: Operators at work, in threads of their own if they mostly wait for a model.
- ``yields``: A warning for an operator that makes nothing, also where others make up for it.
"""
