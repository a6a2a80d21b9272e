"""The callback for MLflow, a store on disk read back by MLflow's own client."""

import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from evollm.callbacks.mlflow import MLflow
from tests.evollm.callbacks.support_runs import SECRET, expected, search

pytestmark = pytest.mark.skipif(
    find_spec("mlflow") is None, reason="needs MLflow: pip install 'evollm[mlflow]'"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """A store of files, which takes less time to set up than a database, and a client of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its imports warn of other packages
            from mlflow.tracking import MlflowClient
        uri = (tmp_path_factory.mktemp("store") / "files").as_uri()
        yield uri, MlflowClient(tracking_uri=uri)


def _runs(client: Any, experiment: str) -> list[Any]:
    return list(client.search_runs([client.get_experiment_by_name(experiment).experiment_id]))


def histories(client: Any, run: Any) -> dict[str, list[tuple[int, float]]]:
    """Return step and value of all points, in the order of the steps."""
    return {
        name: sorted((one.step, one.value) for one in client.get_metric_history(run, name))
        for name in client.get_run(run).data.metrics
    }


def test_a_resumed_run_continues_its_run_of_mlflow(store: tuple[str, Any], tmp_path: Path) -> None:
    uri, client = store
    for evaluations in (25, 60, 60):
        found = search(evaluations, tmp_path, [MLflow("first", uri=uri, every=0)])
    [run] = _runs(client, "first")
    number = run.info.run_id
    assert histories(client, number) == expected(found)
    assert run.info.run_name == "Bowl"
    assert run.info.status == "FINISHED"
    assert run.data.params["seed"] == "1"
    assert run.data.params["servers.0.max_tokens"] == "8"
    assert SECRET not in str(run.to_dictionary())
    tags = run.data.tags
    assert tags["evollm.budget.evaluations"] == "60"
    assert tags["evollm.stopped"] == found.stopped
    assert float(tags["evollm.best_value"]) == -found.fitness
    assert tags["evollm.best"].startswith(f"{-found.fitness:.6g} (value) at [")
    report = Path(client.download_artifacts(number, "report.txt", str(tmp_path))).read_text()
    assert "60 evaluations" in report

    client.delete_run(number)
    search(60, tmp_path, [MLflow("first", uri=uri)])
    [again] = _runs(client, "first")
    assert again.info.run_id != number
    assert histories(client, again.info.run_id) == expected(found)


def test_a_run_that_the_user_began_is_logged_into_and_not_ended(store: tuple[str, Any]) -> None:
    uri, client = store
    own = client.create_run(client.create_experiment("own"), run_name="mine").info.run_id
    client.log_param(own, "seed", "of the user")
    found = search(20, None, [MLflow(uri=uri, run_id=own)])
    [run] = _runs(client, "own")
    assert histories(client, own) == expected(found)
    assert (run.info.run_name, run.info.status) == ("mine", "RUNNING")
    assert run.data.params["seed"] == "of the user"


def test_a_server_that_is_gone_is_one_warning(
    store: tuple[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "evollm"):
        found = search(30, None, [MLflow(uri="http://127.0.0.1:9", every=0)])
    assert found.usage.evaluations == 30
    warned = [one for one in caplog.messages if one.startswith("MLflow did not get all")]
    assert len(warned) == 1
