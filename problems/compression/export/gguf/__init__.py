"""GGUF files with a type of its own for each layer.

- ``metadata``: The shape and the vocabulary of a model, for a file from scratch.
- ``names``: Layers, and the tensors of such a file that they are.
- ``served``: What a served file says of each next token, beside the model in torch.
- ``source``: Weights in any type of such a file.
- ``types``: The types, and the bytes of a layer in each.
- ``write``: The file.
"""
