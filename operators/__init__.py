"""Variation operators: classical ones by genome, and those that a language model backs."""
