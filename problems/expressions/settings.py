"""Settings of a search for expressions."""

from dataclasses import dataclass
from math import inf
from typing import Literal, TypeAlias, get_args

from evollm.checks import positive
from evollm.errors import EvollmError
from evollm.llm.base import Mode

Operators: TypeAlias = Literal["classical", "model", "mix", "random"]
FUNCTIONS = "add,sub,mul,div,sin,cos,exp,log,sqrt,square"


@dataclass(frozen=True)
class ExpressionSettings:
    """Settings of a search for expressions.

    Attributes:
        population: Number of expressions in the population.
        offspring: Children per generation; None for the population's size.
        operators: What makes children: DEAP's operators (classical); the model, with DEAP's
            operators for what it does not supply (model); both (mix); or, as a control, random
            draws (random).
        adaptive: Whether, with mix, the shares of DEAP's operators and of the model's two follow
            their success; otherwise they are equal.
        parsimony: Whether the search is for a Pareto front of error and size, by NSGA-II.
        functions: Names of the functions in expressions.
        constants: New numbers are drawn between minus this and this; 0 for no numbers.
        max_height: Maximum number of functions on a path.
        max_size: Maximum number of functions, variables and numbers.
        scaling: Whether predictions are scaled by least squares.
        arity: Number of expressions in a prompt that asks for a combination.
        brood: Number of children per prompt.
        hold: Whether the endpoint holds answers to a grammar (llama.cpp's do), or to none.
        mode: Plain continuation, or chat.
        temperature: Sampling temperature.
    """

    population: int = 100
    offspring: int | None = None
    operators: Operators = "classical"
    adaptive: bool = True
    parsimony: bool = False
    functions: str = FUNCTIONS
    constants: float = 5.0
    max_height: int = 8
    max_size: int = 40
    scaling: bool = True
    arity: int = 4
    brood: int = 4
    hold: Literal["grammar", "none"] = "grammar"
    mode: Mode = "plain"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        names = ("population", "offspring", "max_height", "max_size", "arity", "brood")
        positive(**{name: getattr(self, name) for name in names})
        for name in ("constants", "temperature"):
            if not 0 <= getattr(self, name) < inf:
                value = getattr(self, name)
                raise EvollmError(f"{name} must be at least 0 and finite, not {value}")
        if self.operators not in get_args(Operators):
            known = ", ".join(get_args(Operators))
            raise EvollmError(f"operators must be one of {known}, not {self.operators!r}")
        if self.parsimony and self.offspring is not None:
            raise EvollmError(
                "offspring must be none with parsimony: NSGA-II makes as many children as there "
                "are in the population"
            )

    @property
    def asks(self) -> bool:
        """Whether a model is used."""
        return self.operators in ("model", "mix")

    @property
    def adapts(self) -> bool:
        """Whether shares follow success."""
        return self.adaptive and self.operators == "mix"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the functions."""
        return tuple(name.strip() for name in self.functions.split(",") if name.strip())
