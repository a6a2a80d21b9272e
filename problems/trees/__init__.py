"""LLEGO and its controls: decision trees for tables, bred by a language model."""
