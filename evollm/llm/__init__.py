"""Language models: the interface that operators use, and the endpoints behind it.

- ``base``: The interface of language models: prompts in, completions out.
- ``client``: The client for OpenAI-compatible endpoints.
- ``connect``: Chooses the model that is named, or the offline one.
- ``dry``: A model that only records its requests, for dry runs.
- ``files``: The user's cache folder: model weights, servers' lock files, and cached answers.
- ``locks``: File locks between processes, released when the process ends, however it ends.
- ``offline``: The offline model: a small language model served on this machine.
- ``scripted``: A model that is a function, for tests and notebooks.
- ``transport``: Sending requests: addresses, keys, formats, errors, limits and retries.
"""
