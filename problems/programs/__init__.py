"""Programs: a function's source in a file, evolved between two markers by a language model."""

from problems.programs.folder import Task, read
from problems.programs.sandbox.limits import Limits
from problems.programs.scoring import ScoredPrograms
from problems.programs.system import Programs, ProgramsSettings, wording

__all__ = ["Limits", "Programs", "ProgramsSettings", "ScoredPrograms", "Task", "read", "wording"]
