"""Language models: what operators see of them, and the endpoints behind.

- ``base``: The interface of language models: prompts in, completions out.
- ``client``: The client for OpenAI-compatible endpoints.
- ``connect``: The one named, or the offline one.
- ``dry``: A model that only records its requests, for dry runs.
- ``files``: Model weights, servers' lock files, and cached answers.
- ``locks``: File locks between processes, released when the process ends, however it ends.
- ``offline``: The offline model: a small language model served on this machine.
- ``scripted``: For tests and notebooks.
- ``transport``: What goes over the wire: addresses, keys, forms, errors, limits and retries.
"""
