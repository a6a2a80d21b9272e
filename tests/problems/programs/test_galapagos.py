"""Public tasks run unchanged, read from the installed package ``open-galapagos``."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from evollm import Budget
from evollm.llm.scripted import Scripted
from evollm.store import rows
from problems.programs import Limits, Programs, ProgramsSettings, read

spec = find_spec("galapagos")
if spec is None or spec.submodule_search_locations is None:
    pytest.skip("needs open-galapagos: pip install 'evollm[tasks]'", allow_module_level=True)
TASKS = Path(spec.submodule_search_locations[0]) / "tasks"

Edit = tuple[str, str]
PACKING: list[Edit] = [
    ("0.5 + 0.7 * np.cos(angle), 0.5 + 0.7 * np.sin(angle)",
     "0.5 + 0.45 * np.cos(angle), 0.5 + 0.45 * np.sin(angle)"),
    ("    radii = compute_max_radii(centers)\n", "    radii = compute_max_radii(centers) * 1.1\n"),
    ("    centers = np.clip(centers, 0.01, 0.99)",
     "    grid = [[0.1 + 0.2 * i, 0.1 + 0.2 * j] for i in range(5) for j in range(5)]\n"
     "    centers = np.array([*grid, [0.2, 0.2]])"),
]  # fmt: skip
MINIMUM: list[Edit] = [
    ("iterations=1000", "iterations=50"),
    ("    return best_x, best_y, best_value", "    return best_x, best_y, best_values"),
    ("    return best_x, best_y, best_value",
     "    for scale in 0.5 ** np.arange(40):\n"
     "        for x, y in ((scale, 0), (-scale, 0), (0, scale), (0, -scale)):\n"
     "            value = evaluate_function(best_x + x, best_y + y)\n"
     "            if value < best_value:\n"
     "                best_x, best_y, best_value = best_x + x, best_y + y, value\n"
     "    return best_x, best_y, best_value"),
]  # fmt: skip


def replayed(edits: list[Edit], whole: list[str]) -> Scripted:
    """Return a model that gives an edit per sample, in order, and notes the prompts."""

    def answer(prompt: Any, sample: int, sampling: Any) -> str:
        whole.append(prompt[-1]["content"])
        before, after = edits[(len(whole) - 1) % len(edits)]
        own = whole[-1][whole[-1].rindex("# The version to improve") :]
        lines = [line for line in own.splitlines() if before.splitlines()[0] in line]
        search = lines[0] if lines else before
        fresh = search.replace(before.rstrip("\n"), after.rstrip("\n"))
        return f"<<<<<<< SEARCH\n{search}\n=======\n{fresh}\n>>>>>>> REPLACE"

    return Scripted(answer)


@pytest.mark.parametrize(("name", "edits"), [("circle_packing", PACKING),
                                             ("function_minimization", MINIMUM)])  # fmt: skip
def test_a_task_is_improved_by_replayed_edits(name: str, edits: list[Edit]) -> None:
    prompts: list[str] = []
    limits = Limits(seconds=60)
    settings = ProgramsSettings(children=1, rounds=1, repair=0.0)
    model = replayed(edits, prompts)
    system = Programs.of(TASKS / name, model=model, limits=limits, settings=settings)
    assert len(system.task.about) > 100
    found = system.run(Budget(evaluations=4))
    scored = rows.evaluations(found.record)
    assert found.best is not None
    assert found.best.fitness > scored[0].fitness > 0
    assert any(one.info["failed"] for one in scored)
    assert any("A version that failed" in prompt for prompt in prompts)
    if name == "circle_packing":
        assert {"sum_radii", "validity"} <= set(found.best.metrics)
        assert found.best.metrics["sum_radii"] == pytest.approx(found.best.fitness * 2.635)


def test_the_folders_of_all_tasks_are_read() -> None:
    folders = sorted(path.parent for path in TASKS.glob("*/evaluator.py"))
    assert len(folders) > 900
    for folder in folders[::30]:
        task = read(folder)
        text = (folder / task.file).read_text(encoding="utf-8-sig")
        assert task.frame.whole(task.block).rstrip() == text.rstrip()
