"""The search: drives flows through ask and tell, without clock, input or output.

- ``enqueued``: Known genomes that are the first ones of an initial population.
- ``fingerprint``: A short hash of each job, by which a replay detects changes.
- ``flow``: Algorithms as generators that request jobs and receive their answers.
- ``memo``: Equal genomes are scored once, and their score is reused.
- ``search``: Drives flows through ask and tell, without clock, input or output.
"""
