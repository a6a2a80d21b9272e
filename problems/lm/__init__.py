"""Language models in this process, in torch: what the systems for prompts and compression share.

- ``blocks``: A causal model as embeddings, blocks and head.
- ``conversion``: A GGUF file as a folder of safetensors, made once in the cache folder.
- ``devices``: Where a model goes, and in which precision.
- ``extra``: The packages of the extra ``lm``: whether they are there, and how they keep quiet.
- ``forward``: One pass through a model, with or without a cache.
- ``generation``: Many prompts continued together, and a model that answers in place of an endpoint.
- ``load``: A model with its tokenizer, and what is known about it.
- ``prose``: Text to calibrate on and to hold out, from packages or files.
- ``scoring``: Scores of label words after prompts, and the likelihood of texts.
- ``settings``: How a model is loaded; the options of the command line.
- ``sources``: The folder that a model's name means, and the kind of model in it.
- ``streaming``: A model of which one block is in memory at a time.
- ``tokenizer``: A tokenizer by itself, without the model that it belongs to.
- ``tokens``: Text as ids with the characters that they stand for, and windows of them.
- ``tuning``: Training of a model's adapter, with all files that an adapter has.
"""

from problems.lm.load import LM, load
from problems.lm.settings import LMSettings
from problems.lm.tokenizer import Tokens, load_tokenizer

__all__ = ["LM", "LMSettings", "Tokens", "load", "load_tokenizer"]
