"""Options of studies that ask the offline model with an adapter of one's own."""

import argparse
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock

from evollm.llm.base import LanguageModel
from evollm.llm.connect import connect
from evollm.llm.offline.adapters import adapted, located

BATCH = 128
"""Answers that are computed together in this process."""


def add(parser: argparse.ArgumentParser, folder: bool = True) -> None:
    """Add the options; that of the folder only if it is wanted."""
    if folder:
        text = "ask with this adapter of evollm tune, rather than with that of the package"
        parser.add_argument("--adapter", type=Path, metavar="FOLDER", help=text)
    parser.add_argument(
        "--device", help="compute answers in this process, on cpu or cuda; none for a server"
    )
    parser.add_argument("--dtype", default="float32", help="precision in this process (float32)")


def asked(said: argparse.Namespace) -> Callable[[], LanguageModel] | None:
    """Return what connects to the model with the adapter; None if there is none."""
    if said.adapter is None:
        return None
    return lambda: connected(said.adapter, said.device, said.dtype)


def untaught(said: argparse.Namespace) -> Callable[[], LanguageModel]:
    """Return what connects to the model without an adapter."""
    return lambda: connected(None, said.device, said.dtype)


_LOADING = Lock()


def connected(folder: Path | None, device: str | None, dtype: str) -> LanguageModel:
    """Return the offline model with an adapter.

    Args:
        folder: Of the adapter; None for none.
        device: Where answers are computed; None for a server.
        dtype: The precision, without a server.
    """
    with _LOADING:  # transformers can't load a model in two threads at once
        return _connected(folder, device, dtype)


@cache
def _connected(folder: Path | None, device: str | None, dtype: str) -> LanguageModel:
    if device is None:
        return connect() if folder is None else adapted(connect(), located(folder))
    from problems.lm import LMSettings
    from problems.lm.generation.answering import answering

    return answering(None, folder, LMSettings(dtype=dtype, device=device), batch=BATCH)  # type: ignore[arg-type]
