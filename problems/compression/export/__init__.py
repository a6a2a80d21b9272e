"""A compressed model as files: what ``transformers`` or llama.cpp load without our code.

- ``checkpoint``: The folder that ``transformers`` loads, and what is said of it.
- ``codes``: Our codes beside it, for widths that no public format has.
- ``files``: Weights in one or several files, and what travels along.
- ``folder``: A folder that is complete or not there at all.
- ``gguf``: GGUF files with a type of its own for each layer.
- ``ledger``: The bytes of every unit, counted and stored.
- ``packed``: Quantised layers in a public format, with bits of their own.
- ``shrink``: The configuration of a model with fewer blocks.
- ``tensors``: The tensors of a model at the levels that were chosen.
"""
