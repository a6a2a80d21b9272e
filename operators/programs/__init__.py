"""Programs: the source between two markers of a file, edited by a model or at random.

- ``answers``: Reads the edits of a program in what a model answered, and applies them.
- ``holding``: One expression by a language model, held to a grammar.
- ``places``: Where the expressions of a Python block are.
- ``prompting``: Edits by a language model, which sees scores, feedback and failures.
- ``source``: A program's file in two fixed parts and the block between them.
- ``variation``: Classical variation of Python source, as a control without a model.
- ``wording``: The texts of the prompts, as templates with named places.
"""

from operators.programs.holding import HeldExpressions
from operators.programs.prompting import ProgramEdits
from operators.programs.source import Frame, split
from operators.programs.variation import GivenPrograms, MutateSource
from operators.programs.wording import Wording

__all__ = [
    "Frame",
    "GivenPrograms",
    "HeldExpressions",
    "MutateSource",
    "ProgramEdits",
    "Wording",
    "split",
]
