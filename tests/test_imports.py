"""The import rules between the packages, read from the source."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path for top in ("evollm", "operators", "problems") for path in (ROOT / top).rglob("*.py")
)
HEAVY = {"ray", "torch", "sklearn", "openai", "pandas", "matplotlib", "ioh", "cma", "xllamacpp"}
HEAVY |= {"deap", "gymnasium"}
LLM_MAY_IMPORT = {"checks", "closing", "databases", "errors", "ledger", "llm", "paths", "types"}
LLM_MAY_IMPORT |= {"__version__"}


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
    if top == "operators":
        return home in ("operators", "problems")
    if top == "problems" and home != "problems":
        return False
    if home == "problems" and top == "problems":
        own, other = file.split("/")[1], name.split(".")[1]
        return own in (other, "__init__.py") or other == "lm"
    if top == "evollm" and home == "operators":
        return second in ("checks", "errors", "evaluation", "llm", "shadows", "types")
    if top == "evollm" and model_layer:
        return second in LLM_MAY_IMPORT
    if top == "evollm" and second == "llm":
        return home == "problems" or file.startswith("evollm/cli/")
    if top == "ray":
        return inner and file in (
            "evollm/executors/cluster.py",
            "evollm/executors/replicas.py",
            "evollm/llm/gateway.py",
        )
    return top not in ("openai", "tenacity") or model_layer


def test_imports_run_one_way() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in FILES
        for name, inner in imports(path)
        if not allowed(path.relative_to(ROOT).as_posix(), name, inner)
    ]
    assert not wrong


def test_folders_hold_at_most_14_modules() -> None:
    modules = Counter(path.parent for path in FILES if path.name != "__init__.py")
    assert not {folder: count for folder, count in modules.items() if count > 14}


def test_init_files_are_contents_pages() -> None:
    """Each package names its modules, but for the three on top, whose words are the user's."""
    missing = []
    for init in (path for path in FILES if path.name == "__init__.py"):
        if init.parent.parent == ROOT or init.parent.parent == ROOT / "problems":
            continue
        page = ast.get_docstring(ast.parse(init.read_text())) or ""
        names = [path.stem for path in init.parent.iterdir() if _importable(path)]
        missing += [
            f"{init.parent.relative_to(ROOT)}: {n}" for n in names if f"``{n}``" not in page
        ]
    assert not missing


def _importable(path: Path) -> bool:
    module = path.suffix == ".py" and path.name != "__init__.py"
    return module or (path / "__init__.py").exists()


def test_sql_stays_in_the_store() -> None:
    homes = ("evollm/store/", "evollm/llm/client/cache.py")
    wrong = [
        file
        for path in FILES
        if re.search(r"\bSELECT\b.*\bFROM\b", path.read_text(), re.DOTALL)
        and not (file := path.relative_to(ROOT).as_posix()).startswith(homes)
    ]
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


LENT = {f"random.{name}" for name in ("seed", "getstate", "setstate")}
LENT |= {f"np.random.{name}" for name in ("seed", "get_state", "set_state")}
EXCEPTIONS = {
    "operators/deap/functions.py": LENT,  # lends DEAP the state, and puts it back
    # looks at the states, and moves them on purpose
    "evollm/testing/kits.py": {
        "random.getstate",
        "np.random.get_state",
        "random.random",
        "np.random.random",
    },
}


def test_nothing_draws_from_a_global_random_state() -> None:
    wrong = []
    for path in FILES:
        file = path.relative_to(ROOT).as_posix()
        found = set(draws(ast.parse(path.read_text()))) - EXCEPTIONS.get(file, set())
        wrong += [f"{file}: {name}" for name in sorted(found)]
    assert not wrong


def test_draws_are_noticed() -> None:
    code = "import random\nrandom.random()\nnp.random.rand(3)\nnp.random.default_rng(0).random()"
    assert list(draws(ast.parse(code))) == ["random.random", "np.random.rand"]
