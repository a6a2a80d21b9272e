"""``evollm completion``: what lets a shell complete commands, options and their values."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError

SHELLS = ("bash", "zsh", "fish")
_FOLDERS = ("RUN", "FOLDER")


def describe(parts: Any, finish: Any, whole: argparse.ArgumentParser) -> None:
    """Add the command to those of the command line, all of which ``whole`` parses."""
    help = "print a script that lets your shell complete evollm's commands and options"
    completion = parts.add_parser("completion", help=help, description=help)
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    finish(completion, lambda args: _completion(args, whole))


def _completion(args: argparse.Namespace, whole: argparse.ArgumentParser) -> int:
    print(script(whole, args.shell))
    return 0


def script(whole: argparse.ArgumentParser, shell: str) -> str:
    """Return the script for a shell.

    Args:
        whole: The parser of all commands.
        shell: One of ``SHELLS``.

    Raises:
        EvollmError: If shtab is not installed.
    """
    try:
        import shtab
    except ImportError:
        raise EvollmError("shell completion needs shtab: pip install 'evollm[terminal]'") from None
    for action in _paths(whole):
        named = str(action.metavar)
        action.complete = shtab.DIRECTORY if named in _FOLDERS else shtab.FILE  # type: ignore[attr-defined]
    return str(shtab.complete(whole, shell))


def _paths(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments of all commands that are files or folders."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from _paths(one)
        elif action.type is Path:
            yield action
