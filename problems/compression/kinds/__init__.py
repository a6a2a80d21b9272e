"""Kinds of compression: which units a model has, their levels, the budget, and how levels vary.

- ``depth``: Attention and MLP sublayers, or whole blocks, of which some are dropped.
- ``gguf``: The type of each linear layer in a GGUF file.
- ``joint``: Sublayers dropped and bits chosen under one budget.
- ``named``: Kinds by their names, and what the levels of each are made by.
- ``quantization``: Bits per weight of linear layers.
- ``space``: What a search needs of a kind.
- ``sparsity``: The number of zeros in linear layers.
"""

from problems.compression.kinds.depth import Depth
from problems.compression.kinds.gguf import GGUF
from problems.compression.kinds.joint import Joint
from problems.compression.kinds.quantization import Quantization
from problems.compression.kinds.space import Body, Kind, Space
from problems.compression.kinds.sparsity import Sparsity

__all__ = ["GGUF", "Body", "Depth", "Joint", "Kind", "Quantization", "Space", "Sparsity"]
