"""The client for OpenAI-compatible endpoints.

- ``answers``: A server's reply, parsed, stored as JSON, and returned as a completion.
- ``batching``: Many requests at once: sent in order, recorded as answers arrive.
- ``billing``: Reserves and records calls in the run's ledger, and recalls earlier ones.
- ``cache``: Answers on disk, by the hash of their request, and capabilities of endpoints.
- ``capabilities``: What a model's endpoint supports: remembered, looked up, or probed.
- ``connection``: The connection to one model at one endpoint: client, limits, known capabilities.
- ``contexts``: The context length of an endpoint, and the number of tokens in a prompt.
- ``endpoint``: A model behind any OpenAI-compatible endpoint.
- ``probes``: One small request per capability that finds out whether an endpoint has it.
- ``requests``: The request for one sample of one prompt, with its key and token bounds.
- ``schemas``: Parses JSON in answers, and checks it against a schema.
- ``settings``: Settings of an endpoint: concurrency, limits, retries, price, cache.
- ``speech``: The answer in a message, without reasoning and without what follows a stop text.
"""
