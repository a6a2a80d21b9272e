"""An optimiser of another library that is asked for points: a program for its own environment.

It reads one JSON object with ``library``, ``dimension``, ``low``, ``high``, ``budget`` and
``seed``. Then it writes a point and reads its value, one a line, ``budget`` times. It imports
nothing of ours, since nevergrad needs other versions of packages that we use.
"""

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

Tell = Callable[[float], None]
Ask = Callable[[], tuple[list[float], Tell]]


def nevergrad(given: dict[str, Any]) -> Ask:
    """Return NGOpt."""
    import nevergrad as ng

    box = ng.p.Array(shape=(given["dimension"],), lower=given["low"], upper=given["high"])
    box.random_state.seed(given["seed"])
    kind = ng.optimizers.registry["NGOpt"]
    optimiser = kind(parametrization=box, budget=given["budget"], num_workers=1)

    def ask() -> tuple[list[float], Tell]:
        candidate = optimiser.ask()
        return candidate.value.tolist(), lambda value: optimiser.tell(candidate, value)

    return ask


def optuna(given: dict[str, Any]) -> Ask:
    """Return Optuna's Gaussian process or its tree of Parzen estimators."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kind = {"gp": optuna.samplers.GPSampler, "tpe": optuna.samplers.TPESampler}
    study = optuna.create_study(sampler=kind[given["library"]](seed=given["seed"]))

    def ask() -> tuple[list[float], Tell]:
        trial = study.ask()
        names = [f"x{place}" for place in range(given["dimension"])]
        point = [trial.suggest_float(name, given["low"], given["high"]) for name in names]
        return point, lambda value: study.tell(trial, value)

    return ask


def main() -> None:
    """Answer until the budget is spent."""
    warnings.simplefilter("ignore")
    given = json.loads(sys.stdin.readline())
    ask = nevergrad(given) if given["library"] == "ngopt" else optuna(given)
    for _ in range(given["budget"]):
        point, tell = ask()
        print(json.dumps(point), flush=True)
        tell(json.loads(sys.stdin.readline()))


if __name__ == "__main__":
    main()
