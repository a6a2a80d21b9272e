"""The search: flows behind ask and tell, without clock, input or output.

- ``enqueued``: What the user knows takes the first places of an initial population.
- ``fingerprint``: What a job is, in a few letters, so that a replay notices a change.
- ``flow``: Algorithms as generators that ask for jobs and never do any themselves.
- ``memo``: Equal genomes are scored once, and their score is reused.
- ``search``: Flows behind ask and tell, with no clock, no input and no output.
"""
