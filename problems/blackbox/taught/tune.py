"""``evollm tune blackbox``: a model taught where the optimum of a function is likely to be."""

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from evollm.checks import at_least
from evollm.cli.options import option
from evollm.errors import EvollmError
from evollm.tuning.examples import Mixture, Teacher
from problems.blackbox.prior.teacher import PriorTeacher
from problems.blackbox.prior.trajectories import TrajectoryTeacher
from problems.lm.tuning import TunedHere

Chosen = TypeVar("Chosen", PriorTeacher, TrajectoryTeacher)


@dataclass(frozen=True)
class Options:
    """What is taught, and which model.

    Attributes:
        model: As evollm takes it for prompts; none for the offline model.
        device: cpu, cuda and the like; none for a graphics card if there is one.
        teacher: What the answers are: the optimum of made-up functions (prior), where CMA-ES and
            SciPy's local searches go next on such functions (trajectories), or both, of each half
            the examples. Not used with --from-runs.
        optimisers: Of the trajectories, with commas: cma, nelder-mead, powell, and shiwa, which
            needs nevergrad; one that is named twice runs twice as often. None for
            cma,cma,nelder-mead,powell.
        dimensions: The largest number of coordinates of a function, and of a prompt.
    """

    teacher: Literal["prior", "trajectories", "both"] = "prior"
    model: str | None = option(None, metavar="NAME")
    device: str | None = option(None, metavar="DEVICE")
    optimisers: str | None = option(None, metavar="NAMES")
    dimensions: int = 10


class Tuning(TunedHere):
    """The command."""

    help = "numbers: a prior over functions teaches where the optimum is likely to be"
    options = Options

    def teacher(self, options: Options) -> Teacher:
        """Return the teacher that the options name."""
        at_least(1, options, "dimensions", prefix="--")
        prior = _narrowed(PriorTeacher(), options.dimensions)
        if options.teacher == "prior":
            if options.optimisers is not None:
                raise EvollmError("--optimisers needs --teacher trajectories or both")
            return prior
        others = _narrowed(TrajectoryTeacher(), options.dimensions)
        if options.optimisers is not None:
            named = [name.strip().lower() for name in options.optimisers.split(",")]
            others = replace(others, optimisers=tuple(named))
        return others if options.teacher == "trajectories" else Mixture((prior, others))


def _narrowed(teacher: Chosen, dimensions: int) -> Chosen:
    """Return a teacher of functions of so many coordinates, and of no wider prompts."""
    columns = tuple(columns for columns in teacher.columns if columns <= dimensions)
    return replace(teacher, dimensions=dimensions, columns=columns)


COMMAND = Tuning()
