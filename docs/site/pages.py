"""A Sphinx extension: what the site adds to the pages as they are in the repository.

- The README is the first page, and the lists in its section Documentation are the navigation.
- A comment such as ``<!-- options: blackbox -->`` becomes a table of options, made from the classes
  of settings that also make the command line.
"""

import re
from argparse import Action, ArgumentParser, BooleanOptionalAction
from importlib import import_module
from typing import Any

from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder

from evollm.cli.commands import command
from evollm.cli.config import Limits, Machinery, Model
from evollm.cli.options import add
from evollm.shadows import PACKAGES

SHARED = {"limits": Limits, "run": Machinery, "model": Model}
_LIST = re.compile(r"^### (.+)\n((?:(?!#).*\n?)*)", re.MULTILINE)
_PAGE = re.compile(r"\[([^\]]+)\]\(([\w./-]+)\.(md|ipynb|rst)\)")
_OPTIONS = re.compile(r"<!-- options: ([\w ]+) -->")


class SiteBuilder(StandaloneHTMLBuilder):
    """HTML whose first page is ``index.html``, although its source is the README."""

    def get_target_uri(self, docname: str, typ: str | None = None) -> str:
        """Return the address of a page."""
        return super().get_target_uri(self._renamed(docname), typ)

    def get_output_path(self, page_name: str, /) -> Any:
        """Return the file of a page."""
        return super().get_output_path(self._renamed(page_name))

    def get_outfilename(self, pagename: str) -> Any:
        """Return the file of a page."""
        return super().get_outfilename(self._renamed(pagename))

    def _renamed(self, name: str) -> str:
        return "index" if name == self.config.root_doc else name


def navigation(readme: str) -> str:
    """Return a hidden tree of contents for each list below the README's heading Documentation."""
    lists = readme.partition("\n## Documentation\n")[2].partition("\n## ")[0]
    trees = []
    for caption, body in _LIST.findall(lists):
        pages = [
            f"{'Notebook: ' if kind == 'ipynb' else ''}{title} <{page}>"
            for title, page, kind in _PAGE.findall(body)
        ]
        head = ["```{toctree}", ":hidden:", f":caption: {caption}", ""]
        trees.append("\n".join([*head, *pages, "```"]))
    return "\n\n".join(["", *trees, ""])


def options(names: str) -> str:
    """Return folded tables of the options of problems, or of the parts that all problems share."""
    tables = []
    for name in names.split():
        kind = SHARED[name] if name in SHARED else command(name).options
        parser = ArgumentParser(add_help=False)
        add(parser, kind, name)
        title = f"Options: {name}" if name in SHARED else f"All options of evollm run {name}"
        rows = "\n".join(f"| `{_flag(one)}` | {_meaning(one)} |" for one in parser._actions)
        tables.append(
            f"<details>\n<summary>{title}</summary>\n\n| Option | Meaning |\n|---|---|\n{rows}\n\n"
            "</details>"
        )
    return "\n\n".join(tables)


def _flag(option: Action) -> str:
    flag = option.option_strings[0]
    if isinstance(option, BooleanOptionalAction):
        return f"{flag}, --no-{flag.removeprefix('--')}"
    return flag if option.choices else f"{flag} {option.metavar}"


def _meaning(option: Action) -> str:
    text = (option.help or "").replace("%%", "%")
    if option.choices:
        text = f"{', '.join(map(str, option.choices))}: {text}"
    return re.sub(r"([|*_<>{}\\`$])", r"\\\1", text)


def _load(app: Sphinx) -> None:
    """Load the names that packages import on first use, so that they are described, too."""
    for file in app.srcdir.glob("docs/api/*.rst"):
        for name in re.findall(r"^.. automodule:: (\S+)", file.read_text(), re.MULTILINE):
            module = import_module(name)
            for lazy in getattr(module, "__all__", ()):
                vars(module)[lazy] = getattr(module, lazy)


def _complete(app: Sphinx, name: str, source: list[str]) -> None:
    """Complete a page as it is read."""
    if name == app.config.root_doc:
        source[0] += navigation(source[0])
    source[0] = _OPTIONS.sub(lambda found: options(found[1]), source[0])


def _skip(app: Sphinx, what: str, name: str, part: Any, *others: Any) -> bool | None:
    """Leave out the methods that scikit-learn adds to estimators, and fields of named tuples."""
    added = re.fullmatch(r"set_\w+_request", name) or type(part).__name__ == "_tuplegetter"
    return True if added else None


def _undescribed(app: Sphinx, env: Any, node: Any, shown: Any) -> Any:
    """Show a part of ours that exists but is not described without a link, and no warning."""
    module, _, name = node.get("reftarget", "").rpartition(".")
    if node.get("refdomain") == "py" and module.split(".")[0] in PACKAGES:
        try:
            return shown if hasattr(import_module(module), name) else None
        except ImportError:
            return None
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_builder(SiteBuilder, override=True)
    app.connect("builder-inited", _load)
    app.connect("source-read", _complete)
    app.connect("autodoc-skip-member", _skip)
    app.connect("missing-reference", _undescribed)
    return {"parallel_read_safe": True}
