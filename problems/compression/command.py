"""``evollm run compression``: EvoPress on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evollm.errors import EvollmError
from evollm.paths import creatable
from problems.compression.options import Options, in_flags, kind_of, levels_of, schedule_of

if TYPE_CHECKING:
    from evollm.cli.commands import Connect
    from problems.compression.kinds import Kind
    from problems.compression.levels.settings import LevelSettings
    from problems.compression.system import EvoPress


MANY = 1000
"""Blocks of an imaginary model, for which all shares are possible."""

FRONTS = ("depth", "sparsity", "quantization")
"""The kinds that have a front."""


class Compression:
    """The command."""

    help = "compress a language model, layer by layer, under an exact budget: EvoPress"
    options = Options

    def system(self, options: Options, connect: Connect) -> EvoPress:
        """Return the system that the options describe; see ``evollm.cli.commands.Command``."""
        from problems.compression.front import EvoFront
        from problems.compression.loaded import model_of
        from problems.compression.system import EvoPress
        from problems.lm.extra import require

        kind, levels = kind_of(options), levels_of(options)
        schedule_of(options, kind, MANY)  # refuse options before a model is loaded
        if options.front and options.kind not in FRONTS:
            raise EvollmError(
                f"--front is for --kind depth, sparsity or quantization, not {options.kind}: leave "
                "it out, or choose one of these"
            )
        require()
        name = connect.local
        if name is None:
            raise EvollmError(
                "a model is compressed in this process: name hf:OWNER/MODEL, a folder or none, "
                "but no endpoint's"
            )
        name = None if name == "offline" else name
        with in_flags():
            _check(options, kind, levels)
            blocks = model_of(name, options.lm)[1]
            kind.space(blocks.linears)  # refused under the names of options
            return (EvoFront if options.front else EvoPress)(
                name,
                kind,
                schedule=schedule_of(options, kind, len(blocks)),
                metric=options.metric,
                text=options.text,
                levels=levels,
                database=options.database,
                lm=options.lm,
                beside=options.beside,
                checkpoint=options.checkpoint,
                check=options.check,
            )


def _check(options: Options, kind: Kind, levels: LevelSettings) -> None:
    """Refuse what can be refused before a model is loaded."""
    from problems.compression.kinds.named import check_packed, levels_for

    levels_for(kind, levels)
    if options.checkpoint == "packed":
        check_packed(kind)
    if options.database is not None:
        creatable(options.database)
    _ = options.text.prose


COMMAND = Compression()
