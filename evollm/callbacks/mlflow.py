"""MLflow: logs a run by MLflow's client, to a server or to a store on this machine."""

import re
import time
from collections.abc import Sequence
from typing import Any

from evollm.callbacks.delivery import Client
from evollm.callbacks.description import Beginning, Ending
from evollm.callbacks.points import Point
from evollm.callbacks.tracker import Tracker, needs
from evollm.runtime.driver import Run

_STATES = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
_LONGEST_NAME, _LONGEST_VALUE = 250, 5000  # characters, of a parameter or tag
_MOST_PARAMETERS, _MOST_METRICS = 100, 1000  # in one request


class MLflow(Tracker):
    """Logs a run to MLflow: metrics by step, parameters, tags, and the report as an artifact.

    Args:
        experiment: Name of the experiment, which is created if there is none.
        name: Name of the run; by default the name of the system.
        uri: The tracking server or store, such as ``http://localhost:5000`` or
            ``sqlite:///mlflow.db``; None for what MLflow itself would take, for example from
            ``MLFLOW_TRACKING_URI``.
        run_id: An existing run of MLflow to log into; it is not ended. None for one of its own.
        every: Seconds between two deliveries.
        wait: Seconds that the end of a run waits for the last one at most.

    Raises:
        EvollmError: If MLflow is not installed.
    """

    def __init__(
        self,
        experiment: str = "evollm",
        *,
        name: str | None = None,
        uri: str | None = None,
        run_id: str | None = None,
        every: float = 2.0,
        wait: float = 30.0,
    ) -> None:
        needs("mlflow", "mlflow", "MLflow()")
        super().__init__("MLflow", every, wait)
        self._place = (experiment, name, uri, run_id)

    def client(self, run: Run) -> Client:
        """Return MLflow's side of a run."""
        return _Run(*self._place)


class _Run:
    """One run of MLflow."""

    def __init__(
        self, experiment: str, name: str | None, uri: str | None, given: str | None
    ) -> None:
        self._experiment, self._name, self._uri, self._given = experiment, name, uri, given
        self._api: Any = None
        self._id = ""

    def open(self, begins: Beginning, known: str | None) -> tuple[str, int]:
        """Continue the run, or create it; see ``Client.open``."""
        from mlflow.tracking import MlflowClient

        self._api = self._api or MlflowClient(tracking_uri=self._uri)
        run = self._found(self._given or known) or self._created(begins)
        self._id = run.info.run_id
        if not self._given:
            self._api.update_run(self._id, status="RUNNING")
        self._describe(begins, run.data.params)
        kept = self._api.get_metric_history(self._id, "evaluations")
        return self._id, max((one.step for one in kept), default=-1)

    def _found(self, known: str | None) -> Any:
        """Return an existing run; None if there is none, or it was deleted."""
        from mlflow.exceptions import MlflowException

        if known is None:
            return None
        try:
            run = self._api.get_run(known)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST" and not self._given:
                return None
            raise
        return run if run.info.lifecycle_stage == "active" else None

    def _created(self, begins: Beginning) -> Any:
        found = self._api.get_experiment_by_name(self._experiment)
        number = found.experiment_id if found else self._api.create_experiment(self._experiment)
        return self._api.create_run(number, run_name=self._name or begins.system)

    def _describe(self, begins: Beginning, logged: Any) -> None:
        """Log the parameters that are not logged yet, and the labels as tags."""
        from mlflow.entities import Param, RunTag

        settings = {_name(name): said[:_LONGEST_VALUE] for name, said in begins.parameters.items()}
        fresh = [Param(name, said) for name, said in settings.items() if name not in logged]
        for start in range(0, len(fresh), _MOST_PARAMETERS):
            self._api.log_batch(self._id, params=fresh[start : start + _MOST_PARAMETERS])
        labels = {"system": begins.system, **begins.labels}
        tags = [RunTag(f"evollm.{name}", said) for name, said in labels.items()]
        self._api.log_batch(self._id, tags=tags)

    def send(self, points: Sequence[Point]) -> None:
        """Log a metric for each value of each point."""
        from mlflow.entities import Metric

        now = time.time_ns() // 10**6
        metrics = [
            Metric(name, value, now, point.step)
            for point in points
            for name, value in point.values.items()
        ]
        for start in range(0, len(metrics), _MOST_METRICS):
            self._api.log_batch(self._id, metrics=metrics[start : start + _MOST_METRICS])

    def close(self, ends: Ending) -> None:
        """Log the best candidate and why the run ended as tags, and the report as an artifact."""
        tags = {"stopped": ends.stopped, "best": ends.best[:_LONGEST_VALUE]}
        if ends.value is not None:
            tags["best_value"] = f"{ends.value!r}"
        for name, said in tags.items():
            self._api.set_tag(self._id, f"evollm.{name}", said)
        self._api.log_text(self._id, ends.report, "report.txt")
        if not self._given:
            self._api.set_terminated(self._id, _STATES[ends.state])


def _name(name: str) -> str:
    """Return a parameter's name with the characters that MLflow allows."""
    return re.sub(r"[^\w./ -]", "_", name)[:_LONGEST_NAME]
