"""Models that read prompts, and what is made of their answers.

- ``judging``: What a model answered, example by example: the numbers that fitness is made of.
- ``local``: A model in this process that reads prompts: one of Hugging Face's, or the offline one.
- ``named``: Which reader a user means: a model's name, an endpoint, or a reader of their own.
- ``reader``: What reads prompts: the interface of local models and of endpoints.
"""
