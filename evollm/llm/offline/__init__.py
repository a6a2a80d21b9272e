"""The offline model: a small language model served on this machine.

- ``lease``: A lease on a shared model server: found or started, and kept until this process ends.
- ``model``: A small language model on this machine, served on loopback.
- ``quantise``: A GGUF file rewritten with its weights in another precision.
- ``server``: Llama.cpp on loopback until the last of its users has left.
- ``weights``: Model weights that evollm fetches once and keeps in the user's cache folder.
"""
