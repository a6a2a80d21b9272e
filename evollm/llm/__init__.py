"""Language models: what operators see of them, and the endpoints, caches and scripts behind.

Operators take a ``LanguageModel`` (``evollm.llm.base``) and call ``complete``. ``connect`` finds the
one that a user named; ``Scripted`` (``evollm.llm.scripted``) answers by a function.
"""

from evollm.llm.connect import connect

__all__ = ["connect"]
