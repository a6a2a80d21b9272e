"""A small program with a block, and answers that edit it."""

from operators.programs.source import split
from operators.programs.wording import Wording
from problems.programs import wording

FILE = '''import math

# EVOLVE-BLOCK-START
def f(x):
    """Return something."""
    if x > 3:
        return x * 2
    return x * 2 + 1.5
# EVOLVE-BLOCK-END

def main():
    return f(4)
'''
FRAME, BLOCK = split(FILE)
WORDS: Wording = wording()


def diff(*pairs: tuple[str, str], before: str = "I change it.\n") -> str:
    """Return an answer with edits."""
    form = "<<<<<<< SEARCH\n{}\n=======\n{}\n>>>>>>> REPLACE\n"
    return before + "\n".join(form.format(*pair) for pair in pairs)


def code(text: str) -> str:
    """Return an answer with a whole block."""
    return f"Better:\n```python\n{text}\n```\nThat is all."
