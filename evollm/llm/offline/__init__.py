"""The offline model: a small language model served on this machine.

- ``adapters``: Adapters of locally served models: where they are, and who can have one.
- ``lease``: A lease on a shared model server, which is found or started.
- ``model``: A small language model on this machine, served on loopback.
- ``quantise``: A GGUF file rewritten with its weights in another precision.
- ``server``: The model server's process: llama.cpp on loopback, until its last user has left.
- ``weights``: Model weights that evollm fetches once and keeps in the user's cache folder.
"""
