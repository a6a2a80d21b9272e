"""Ways to prune a prompt, each a dataclass of settings with a ``flow``.

- ``baselines``: The controls: no pruning, random pruning, and tokens dropped by what each is worth.
- ``evolution``: PromptQuine's search: prompts evolve by losing one to four tokens at a time.
- ``front``: A front of accuracy against length.
- ``greedy``: TAPruning and its kin: hill climbing over the tokens, one after the other.
- ``llmlingua``: LLMLingua-2: a token classifier says which words to keep.
- ``method``: What every way to prune shares: its interface, its first prompt, its operators.
- ``survival``: Selection of parents and survivors: the tournament, and the three rules of survival.
"""
