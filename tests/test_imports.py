"""The import rules between the packages, read from the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path for top in ("evollm", "operators", "problems") for path in (ROOT / top).rglob("*.py")
)
HEAVY = {"ray", "torch", "sklearn", "openai", "pandas", "matplotlib", "ioh", "cma", "xllamacpp"}
HEAVY |= {"deap", "gymnasium"}


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield what a file imports, ``from a import b`` as ``a.b``, and whether within a function."""
    tree = ast.parse(path.read_text())
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    inner = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, id(node) in inner) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from ((f"{node.module}.{name.name}", id(node) in inner) for name in node.names)


def allowed(file: str, name: str, inner: bool) -> bool:
    """Say whether the architecture lets a file import a name."""
    top, second = [*name.split("."), ""][:2]
    home = file.split("/")[0]
    model_layer = file.startswith("evollm/llm/")
    if top in ("operators", "problems"):
        return home == "problems" or (home == "operators" and top == "operators")
    if top == "evollm" and home == "operators":
        return second in ("types", "llm")
    if top == "evollm" and model_layer:
        return second in ("types", "ledger", "llm", "__version__")
    if top == "evollm" and second == "llm":
        return home == "problems" or file == "evollm/cli/main.py"
    if top == "ray":
        return inner and file in (
            "evollm/executors/cluster.py",
            "evollm/replicas.py",
            "evollm/llm/gateway.py",
        )
    return top not in ("openai", "tenacity") or model_layer


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    file = path.relative_to(ROOT).as_posix()
    wrong = [name for name, inner in imports(path) if not allowed(file, name, inner)]
    assert not wrong


def test_the_rules_bite() -> None:
    assert not allowed("evollm/search/search.py", "operators.vectors.variation", False)
    assert not allowed("evollm/search/search.py", "evollm.llm.base", False)
    assert not allowed("operators/vectors/variation.py", "evollm.search.search", False)
    assert not allowed("operators/vectors/variation.py", "problems.trees", False)
    assert not allowed("evollm/llm/base.py", "evollm.search.search.Search", False)
    assert not allowed("evollm/executors/cluster.py", "ray", False)
    assert not allowed("problems/trees/tree.py", "ray", True)
    assert not allowed("operators/vectors/variation.py", "openai.OpenAI", True)


def test_importing_evollm_loads_nothing_heavy() -> None:
    code = "import sys, evollm; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.split())
    assert "evollm" in loaded
    assert not loaded & HEAVY


def draws(tree: ast.AST) -> Iterator[str]:
    """Yield the calls of functions that share a global random state."""
    harmless = {"default_rng", "Generator", "SeedSequence", "PCG64", "Random", "RandomState"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, name = ast.unparse(node.func.value), node.func.attr
            if owner in ("random", "np.random", "numpy.random") and name not in harmless:
                yield f"{owner}.{name}"
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            yield from (f"from random import {name.name}" for name in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_draws_from_a_global_random_state(path: Path) -> None:
    found = set(draws(ast.parse(path.read_text())))
    if (
        path == ROOT / "operators" / "deap" / "functions.py"
    ):  # lends DEAP the state, and puts it back
        found -= {f"random.{name}" for name in ("seed", "getstate", "setstate")}
        found -= {f"np.random.{name}" for name in ("seed", "get_state", "set_state")}
    if path == ROOT / "evollm" / "testing.py":  # looks at the states, and moves them on purpose
        found -= {"random.getstate", "np.random.get_state", "random.random", "np.random.random"}
    assert not found


def test_draws_are_noticed() -> None:
    code = "import random\nrandom.random()\nnp.random.rand(3)\nnp.random.default_rng(0).random()"
    assert list(draws(ast.parse(code))) == ["random.random", "np.random.rand"]
