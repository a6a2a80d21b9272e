"""``evollm tune trees``: a model taught to improve decision trees."""

from dataclasses import dataclass

from evollm.cli.options import option
from evollm.tuning.examples import Teacher
from problems.lm.tuning import TunedHere


@dataclass(frozen=True)
class Options:
    """Which model is taught.

    Attributes:
        model: As evollm takes it for prompts; none for the offline model.
        device: cpu, cuda and the like; none for a graphics card if there is one.
    """

    model: str | None = option(None, metavar="NAME")
    device: str | None = option(None, metavar="DEVICE")


class Tuning(TunedHere):
    """The command."""

    help = "trees: searches on made-up tables teach what better trees look like"
    options = Options

    def teacher(self, options: Options) -> Teacher:
        """Return the teacher."""
        from problems.trees.teaching.teacher import TreeTeacher

        return TreeTeacher()


COMMAND = Tuning()
