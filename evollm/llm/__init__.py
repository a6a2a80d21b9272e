"""Language models: what operators see of them, and the endpoints, caches and scripts behind.

Operators take a ``LanguageModel`` (``evollm.llm.base``) and call ``complete``. ``connect``
(``evollm.llm.connect``) finds the one that a user named; ``Scripted`` (``evollm.llm.scripted``)
answers by a function. Nothing here is imported before it is needed.
"""
