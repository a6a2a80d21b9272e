"""Callbacks that come with the package: a progress bar, and clients of experiment trackers.

- ``bar``: A progress bar for notebooks and terminals, by tqdm.
- ``delivery``: Sends what a tracker is to show from a thread of its own; a failure is only a
  warning.
- ``description``: What a tracker is told about a run at its beginning and at its end.
- ``mlflow``: Logs a run to MLflow.
- ``points``: The values that a tracker shows for each step of a run, read from its record.
- ``tensorboard``: Logs a run to TensorBoard.
- ``tracker``: What the callbacks of all trackers share.
"""

from evollm.callbacks.bar import Bar
from evollm.callbacks.mlflow import MLflow
from evollm.callbacks.tensorboard import TensorBoard

__all__ = ["Bar", "MLflow", "TensorBoard"]
