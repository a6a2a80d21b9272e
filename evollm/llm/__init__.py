"""Language models: the interface that operators use, and the clients behind it.

- ``base``: The interface: prompts in, completions out.
- ``client``: The client for OpenAI-compatible endpoints.
- ``connect``: Chooses the model: the one named, or the offline one.
- ``dry``: A model that only records its requests, for dry runs.
- ``files``: Model weights, servers' lock files, and cached answers.
- ``locks``: File locks between processes, released when a process ends.
- ``offline``: The offline model: a small language model served on this machine.
- ``scripted``: A model that is a function, for tests and notebooks.
- ``transport``: HTTP: addresses, keys, request formats, errors, limits and retries.
"""
