"""Language models: what operators see of them, and the endpoints behind.

- ``base``: Language models as the operators see them: prompts in, completions out.
- ``client``: The client for OpenAI-compatible endpoints.
- ``connect``: The one named, or the offline one.
- ``dry``: A model that only notes what it is asked: for dry runs.
- ``files``: Model weights, servers' lock files, and cached answers.
- ``locks``: They hold between processes and end with their process, however that ends.
- ``offline``: The offline model: a small language model served on this machine.
- ``scripted``: For tests, notebooks and dry runs.
- ``transport``: What goes over the wire: addresses, keys, forms, errors, limits and retries.
"""
