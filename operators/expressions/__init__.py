"""Expressions: formulas as DEAP's trees, their text, and classical variation.

- ``constants``: Mutation of the numbers in expressions.
- ``functions``: What the inner nodes of an expression may compute.
- ``genome``: Pure functions of DEAP's trees as plain values.
- ``grammar``: The grammar of expressions in GBNF, to which a llama.cpp endpoint holds a model.
- ``primitives``: The functions, variables and numbers of expressions, as DEAP's primitive set.
- ``reading``: A parser for expressions written by a model or a user.
- ``variation``: DEAP's operators within limits of height and size.
- ``writing``: Expressions as text: ``2.5*x^2 + sin(x/y)``.
"""
