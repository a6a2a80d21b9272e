"""Options: the options of ``evollm run expressions``."""

from dataclasses import dataclass

from evollm.cli.options import option
from evollm.cli.used import check_used
from evollm.errors import EvollmError
from problems.expressions.settings import ExpressionSettings


@dataclass(frozen=True)
class Source:
    """The rows.

    Attributes:
        function: A published function to find again, such as nguyen-5, keijzer-4 or feynman-i.12.1;
            with --data it is not used.
        data: A CSV file of numbers with a header.
        target: The column of the file to predict.
        test: Share of the file's rows that the search does not see.
        rows: Seed of a function's rows and of the file's split.
        task: Description of what is predicted, for a model.
    """

    function: str = option("nguyen-5", metavar="NAME")
    data: str | None = option(None, metavar="FILE.csv")
    target: str | None = option(None, metavar="COLUMN")
    test: float = 0.25
    rows: int = 0
    task: str = ""


_ASKED = ("arity", "brood", "hold", "mode", "temperature")
USED = {"model": _ASKED, "mix": (*_ASKED, "adaptive")}
"""The fields that have an effect where a model is asked."""


@dataclass(frozen=True)
class Options(ExpressionSettings, Source):
    """All options: those of ``Source``, then the settings of the search."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_used(self, "operators", USED)
        if (self.data is None) != (self.target is None):
            raise EvollmError("--data FILE.csv and --target COLUMN go together: give both")
        if not 0 <= self.test < 1:
            raise EvollmError(f"test must be at least 0 and below 1, not {self.test}")
        if self.rows < 0:
            raise EvollmError(f"rows must be 0 or more, not {self.rows}")
