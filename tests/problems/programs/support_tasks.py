"""A small task, a scripted model for it, and a search that is killed.

``python -m tests.problems.programs.support_tasks RUN TASK`` runs the search.
"""

import sys
from pathlib import Path
from typing import Any

from evollm import Budget, Result
from evollm.llm.scripted import Scripted
from problems.programs import Limits, Programs, ProgramsSettings

PROGRAM = '''"""A number to be made large."""

# EVOLVE-BLOCK-START
def number():
    return 1
# EVOLVE-BLOCK-END


def entry():
    return number()
'''
EVALUATOR = """
import importlib.util


def evaluate(path):
    spec = importlib.util.spec_from_file_location("candidate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    value = module.entry()
    note = "it is even" if value % 2 == 0 else "it is odd"
    return {"combined_score": value / 10, "value": value, "artifacts": {"parity": note}}
"""
LIMITS = Limits(seconds=20, memory_mb=512, processes=8)


def task(folder: Path, program: str = PROGRAM, evaluator: str = EVALUATOR) -> Path:
    """Write a task's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "initial_program.py").write_text(program)
    (folder / "evaluator.py").write_text(evaluator)
    return folder


def grow(prompt: Any, sample: int, sampling: Any) -> str:
    """Edit the number; every third time so that the program fails."""
    text = prompt[-1]["content"]
    own = text[text.rindex("# The version to improve") :]
    [line] = [line for line in own.splitlines() if line.strip().startswith("return")][:1]
    value = sampling.seed % 9
    fresh = "    return [][0]" if value % 3 == 0 else f"    return {value}"
    return f"<<<<<<< SEARCH\n{line}\n=======\n{fresh}\n>>>>>>> REPLACE"


def system(folder: Path, **settings: Any) -> Programs:
    """Return the search for the small task."""
    chosen = ProgramsSettings(**{"children": 2, "islands": 2, **settings})
    return Programs.of(folder, model=Scripted(grow), limits=LIMITS, settings=chosen)


def run(path: Path, folder: Path, evaluations: int = 8) -> Result[str]:
    """Run the search, or run it on."""
    return system(folder).run(Budget(evaluations=evaluations), seed=1, path=path)


if __name__ == "__main__":
    from tests.problems.programs import support_tasks  # its function is recorded by module

    support_tasks.run(Path(sys.argv[1]), Path(sys.argv[2]))
