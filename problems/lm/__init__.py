"""Language models in this process, in torch: what the systems for prompts and compression share.

- ``conversion``: A GGUF file as a folder of safetensors, made once in the cache folder.
- ``extra``: The packages of the extra ``lm``.
- ``forward``: One pass through a model, with or without a cache.
- ``generation``: Many prompts continued together.
- ``load``: A model with its tokenizer, and what is known about it.
- ``quiet``: No progress bars or advice while transformers reads and writes models.
- ``settings``: How a model is loaded; the options of the command line.
- ``sources``: The folder that a model's name means.
- ``tokens``: Text as ids with the characters that they stand for, and windows of them.
"""

from problems.lm.load import LM, load
from problems.lm.settings import LMSettings

__all__ = ["LM", "LMSettings", "load"]
