"""Executors by name: all are there, and each takes what its constructor has."""

import os

import pytest

from evollm.errors import EvollmError
from evollm.executors import Processes, Ray, Serial, Threads
from evollm.executors.names import EXECUTORS, Workers, executor_of
from tests.support_each import each


def test_each_name_makes_its_executor_without_further_words() -> None:
    kinds = {name: type(executor_of(name)) for name in EXECUTORS}
    assert kinds == {"serial": Serial, "threads": Threads, "processes": Processes, "ray": Ray}
    assert executor_of("threads").workers == executor_of("processes").workers == os.cpu_count()


def test_what_is_set_reaches_the_constructor() -> None:
    found = executor_of("processes", Workers(workers=3, seconds=2.0))
    assert isinstance(found, Processes)
    assert (found.workers, found.seconds, found.chunk) == (3, 2.0, 1)
    replicas = executor_of("ray", Workers(cpus=0.5, gpus=0.25))
    assert isinstance(replicas, Ray)
    assert (replicas._needs.cpus, replicas._needs.gpus) == (0.5, 0.25)


def test_a_new_executor_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def lazy(workers: int = 2) -> Threads:
        return Threads(workers)

    monkeypatch.setitem(EXECUTORS, "lazy", lazy)  # type: ignore[arg-type]
    assert executor_of("lazy", Workers(workers=5)).workers == 5
    with pytest.raises(EvollmError, match="cpus is not available for the executor lazy: use pro"):
        executor_of("lazy", Workers(cpus=1))


@each(
    ("name", "workers", "sentence"),
    [
        (
            "serial",
            {"seconds": 1.0},
            "seconds is not available for the executor serial: use pro",
        ),
        (
            "serial",
            {"workers": 2},
            "workers is not available for the executor serial: use thr",
        ),
        ("threads", {"gpus": 1.0}, "gpus is not available for the executor threads: use ray"),
        ("proceses", {}, "there is no executor 'proceses'; did you mean 'processes'?"),
    ],
)
def test_what_an_executor_lacks_is_refused(
    name: str, workers: dict[str, float], sentence: str
) -> None:
    with pytest.raises(EvollmError) as refused:
        executor_of(name, Workers(**workers))  # type: ignore[arg-type]
    assert sentence in str(refused.value)


@each("wrong", [{"workers": 0}, {"seconds": 0.0}, {"cpus": -1.0}, {"gpus": float("nan")}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(EvollmError, match=f"{next(iter(wrong))} must be"):
        Workers(**wrong)  # type: ignore[arg-type]
