"""``evollm run blackbox``: EvoLLM and its controls on BBOB, a task or a user's function."""

from typing import Any

from evollm.cli.commands import Connect
from evollm.cli.loading import named
from evollm.errors import EvollmError
from evollm.runtime.budget import Budget
from evollm.units import Units
from problems.blackbox.bbob import bbob, number_of
from problems.blackbox.control_tasks import TASKS, Neuroevolution, control
from problems.blackbox.controls import MODELS
from problems.blackbox.framed import Framed
from problems.blackbox.function import Function
from problems.blackbox.options import Options, box, check, is_own, numbers, strategy, task_of
from problems.blackbox.space import Space
from problems.blackbox.system import EvoLLM
from problems.blackbox.taught.adapters import taught

GENERATIONS = 20
"""Default population size for control tasks."""


class Blackbox:
    """The command."""

    help = "minimise or maximise a function of numbers: EvoLLM and its controls"
    options = Options

    def system(self, options: Options, connect: Connect) -> EvoLLM:
        """Return the system that the options describe; see ``evollm.cli.commands.Command``."""
        check(options)
        problem, units = _problem(options)
        task = task_of(options)
        chosen = strategy(options)
        kind = Neuroevolution if task else EvoLLM

        def prepared(model: Any) -> Any:
            if not isinstance(chosen, Framed):
                return model
            return taught(chosen, model, options.adapter, len(problem.space))[1]

        model = connect(prepared) if options.method in MODELS else None
        system = kind(
            problem,
            model=model,
            strategy=chosen,
            adapter=options.adapter,
            units=units,
            noise=options.noise,
        )
        target = None if options.target is None else units.fitness(options.target)
        system.budget = Budget(evaluations=16 * GENERATIONS if task else 100, target=target)
        return system


COMMAND = Blackbox()


def _problem(options: Options) -> tuple[Function, Units]:
    """Return the function and the units of its values."""
    if task := task_of(options):
        return _control(options, task), Units("mean return")
    if is_own(options):
        low, high = box(options)
        space = Space.of([(low, high)] * options.dimension)
        function: Any = named(options.function)
        units = Units("value", maximize=options.maximize)
        broken: Any = named(options.constraints) if options.constraints else None
        return Function(function, space, options.maximize, broken), units
    try:
        number = number_of(options.function)
    except EvollmError as error:
        more = ", ".join(TASKS)
        raise EvollmError(f"{error}, {more}, or your own function as FILE.py:NAME") from None
    problem, _, optimum = bbob(number, options.dimension, options.instance)
    return problem, Units("value above the optimum", maximize=False, offset=0.0 - optimum)


def _control(options: Options, task: str) -> Function:
    """Return a control task with a box centred at 0."""
    low, high = box(options)
    if low != -high:
        raise EvollmError(f"the weights' --bounds must be -X,X, such as -3,3, not {options.bounds}")
    hidden = numbers(options.hidden, "hidden", int, "16 or 8,8, or none")
    problem, _ = control(
        task,
        hidden=hidden,
        activation=options.activation,
        episodes=options.episodes,
        bound=high,
        instance=options.instance,
    )
    return problem
