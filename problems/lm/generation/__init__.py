"""Text that a causal model writes in this process.

- ``adapters``: Adapters merged into a model's weights.
- ``answering``: A model that answers where an endpoint would be asked.
- ``decoding``: Many prompts continued together.
- ``gbnf``: GBNF, the grammars of llama.cpp: read and checked.
- ``holding``: Grammars and schemas: which tokens a model may write next.
- ``lark``: The dialect in which llguidance takes a grammar.
- ``room``: Layers of a cache into which tokens are written in place.
- ``steps``: The logits of the next tokens of many texts, whose prompts are read together.
- ``thread``: A thread of its own, in which all calls run one after another.
"""

from problems.lm.generation.decoding import Decoding, Generated, generate

__all__ = ["Decoding", "Generated", "generate"]
