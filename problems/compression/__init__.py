"""EvoPress: the compression level of each layer of a language model, under an exact budget.

- ``export``: The compressed model as files that others load.
- ``layout``: The units whose level is chosen, and the bytes that each level takes.
- ``levels``: Every layer at every level, built once.
"""
