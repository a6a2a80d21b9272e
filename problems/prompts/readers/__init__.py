"""Models that read prompts, and what is made of their answers.

- ``endpoint``: A model behind an OpenAI-compatible endpoint, which lists log-probabilities.
- ``judging``: What a model answered, example by example: the numbers that fitness is made of.
- ``listing``: The tokens that an endpoint lists at the place of an answer, and the labels in them.
- ``local``: A model in this process that reads prompts: one of Hugging Face's, or the offline one.
- ``named``: Which reader a user means: a model's name, an endpoint, or a reader of their own.
- ``reader``: What reads prompts: the interface of local models and of endpoints.
- ``vocabulary``: A tokenizer by name: it cuts prompts into tokens whose model answers elsewhere.
"""
