"""The client for OpenAI-compatible endpoints.

- ``answers``: Read from a server's reply, kept as JSON, told as a completion.
- ``batching``: Admitted in order, answered in any order, recorded as they come.
- ``billing``: The ledger's counter in the model layer: recalled, reserved, recorded.
- ``cache``: Answers on disk, by the hash of their request, and what was found out about endpoints.
- ``capabilities``: What a model's endpoint can do, as far as one call must know: remembered,
  looked up, probed.
- ``connection``: The line to one model at one endpoint: the client, its limits, and what was
  learnt of it.
- ``contexts``: How many tokens an endpoint takes at most, and how many a prompt has.
- ``endpoint``: A model behind any endpoint that speaks as OpenAI's does.
- ``probes``: What an endpoint can do beyond chat: found out by one tiny request each.
- ``requests``: One sample of one prompt, with its key and its bounds.
- ``schemas``: Found, read, and checked against its schema.
- ``settings``: Concurrency, limits, retries, price, cache.
- ``speech``: What of a message is the answer: parts joined, thoughts and what follows a stop text
  cut away.
"""
