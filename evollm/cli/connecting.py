"""Connecting from the command line: the configured model, or one that records its requests."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evollm.cli.commands import unchanged
from evollm.cli.config import Model
from evollm.cli.options import build
from evollm.errors import EvollmError
from evollm.llm.base import LanguageModel
from evollm.types import JSON

if TYPE_CHECKING:
    from evollm.llm.dry import DryRunModel


@dataclass(frozen=True)
class Connector:
    """Connects to the configured model; see ``evollm.cli.commands.Connect``.

    Attributes:
        model: The options that name it.
        priced: Whether its price must be known, because money is limited.
        fresh: Whether to check that it is available: for a new run only, because a resumed one may
            not need the model any more.
        dry: Whether a model that records its requests takes its place.
        recording: Those models.
    """

    model: Model
    priced: bool = False
    fresh: bool = False
    dry: bool = False
    recording: "list[DryRunModel]" = field(default_factory=list)

    @classmethod
    def of(cls, config: dict[str, JSON], *, fresh: bool = False, dry: bool = False) -> "Connector":
        """Return the connector of a configuration."""
        priced = config["limits"]["money"] is not None
        return cls(build(Model, config["model"]), priced, fresh, dry)

    @property
    def local(self) -> str | None:
        """The name of a model to run in this process; None for an endpoint's."""
        from evollm.llm.connect import OFFLINE, in_process

        if self.model.model is None and self.model.base_url is not None:
            return None
        name = self.model.model or OFFLINE
        return name if in_process(name, bool(self.model.base_url)) else None

    def __call__(self, prepare: Callable[[Any], Any] = unchanged) -> LanguageModel:
        """Connect to the model.

        Args:
            prepare: What the system does with it before it is reached.

        Raises:
            EvollmError: If it is not available, or its price is needed and unknown.
        """
        model = prepare(self._connected())
        if self.priced and model.price is None:
            raise EvollmError(
                "--money needs the model's price: give --price IN,OUT per million tokens"
            )
        if self.fresh:
            model.reach()
        if not self.dry:
            return model  # type: ignore[no-any-return]
        from evollm.llm.dry import DryRunModel

        self.recording.append(DryRunModel(model.name, model.price, model.context, model))
        return self.recording[-1]

    def _connected(self) -> Any:
        from evollm.llm.connect import OFFLINE, connect

        # When a run resumes, the environment must not replace the offline model by another one.
        unnamed = OFFLINE if os.environ.get("EVOLLM_MODEL") else None
        settings = self.model.connection()
        return connect(self.model.model or unnamed, base_url=self.model.base_url, settings=settings)
