"""Pages of the documentation: their blocks, run as a reader would run them, top to bottom."""

import ast
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WRITTEN = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "tests/benchmarks/RESULTS.md"]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# (\w+\.py)\n")  # the first line of a block that the reader saves
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d*)?(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Block:
    """One fenced block: ``python``, ``sh``, or ``text`` for what the block before it prints."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text())]


def commands(block: Block) -> Iterator[list[str]]:
    """Yield the words of each shell command of a block, continued lines joined."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


def shell(page: Path, program: str) -> list[list[str]]:
    """Return the arguments of each command of a page that calls a program."""
    found = [words for one in blocks(page) if one.language == "sh" for words in commands(one)]
    return [words[1:] for words in found if words[0] == program]


def execute(
    page: Path, evollm: Callable[[list[str]], int], export: Callable[[str, str], None],
    printed: Callable[[], str],
) -> dict[str, Any]:  # fmt: skip
    """Run a page: its Python in one namespace, and its ``evollm`` and ``export`` commands.

    Args:
        page: The file.
        evollm: The command line, from arguments to an exit status.
        export: Sets an environment variable.
        printed: Returns what was printed since its last call.

    Returns:
        The namespace.
    """
    names: dict[str, Any] = {"__name__": page.stem}
    shown = ""
    for number, block in enumerate(blocks(page)):
        if block.language == "text":
            assert masked(shown) == masked(block.text), f"{page.name}, block {number}"
            continue
        printed()
        if block.language == "python":
            if saved := _FILE.match(block.text):
                Path(saved[1]).write_text(block.text)
            exec(compile(block.text, f"{page.name}, block {number}", "exec"), names)
        elif block.language == "sh":
            for words in commands(block):
                if words[0] == "evollm":
                    assert evollm(words[1:]) == 0, f"{page.name}: {words}"
                elif words[0] == "export":
                    export(*words[1].split("=", 1))
        shown = printed()
    return names


def masked(text: str) -> str:
    """Return a text without its numbers and spacing, which differ from machine to machine."""
    return " ".join(_NUMBER.sub("#", text).split())


def links(page: Path) -> list[tuple[str, str]]:
    """Return the links of a page to files, each with its title: for a test, its name."""
    found = re.findall(r"\]\(([^)\s]+)(?:\s+\"([^\"]*)\")?\)", page.read_text())
    return [(place, title) for place, title in found if ":" not in place]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def section(page: Path, title: str) -> str:
    """Return the text below a heading of the second level, up to the next one."""
    return page.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def quotes(page: Path) -> list[str]:
    """Return the quoted lines of a page."""
    return re.findall(r"^> (.*)$", page.read_text(), re.MULTILINE)


def spoken(near: str) -> list[re.Pattern[str]]:
    """Return texts in the packages' code as patterns, in which capital words are values.

    Args:
        near: Texts whose longest fixed part is not in here are left out.
    """
    tops = ("evollm", "operators", "problems")
    files = [file for top in tops for file in (ROOT / top).rglob("*.py")]
    texts = [_parts(node) for file in files for node in ast.walk(ast.parse(file.read_text()))]
    fixed = [("".join(filter(None, parts)), parts) for parts in texts]
    return [
        _pattern(parts)
        for text, parts in fixed
        if len(text) >= 20 and max(filter(None, parts), key=len) in near
    ]


def _parts(node: ast.AST) -> list[str | None]:
    """Return the parts of a string, None for a value in it; nothing for other nodes."""
    if not isinstance(node, ast.JoinedStr | ast.Constant):
        return []
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    found = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    return [part if isinstance(part, str) else None for part in found]


def _pattern(parts: list[str | None]) -> re.Pattern[str]:
    value = r"(?:[^a-z]*[A-Z][^a-z]*)?"
    return re.compile("".join(value if part is None else re.escape(part) for part in parts))
